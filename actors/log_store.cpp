#include "actors/log_store.hpp"

#include <caf/all.hpp>

#include "actors/program_log.hpp"
#include "io/error.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {
constexpr const char* source = "log store";
}

log_store_actor::behavior_type log_store_behavior(log_store_actor::stateful_pointer<log_store_state> self,
                                                  std::shared_ptr<log_store_options> options, monitor_actor monitor) {
    self->state.options = std::move(*options);
    return {
        [=](append_lines& m) {
            auto& s = self->state;
            lines_kept answer;
            for (const auto& line : m.lines) {
                answer.bytes += line.text.size() + 1;
                if (s.options.echo) s.options.echo(line);
            }
            try {
                s.options.store->append(m.lines);
                if (std::exchange(s.in_trouble, false)) {
                    self->send(monitor, problem{source, ""});
                    log_of(log_part::store)
                        .warn("{} of output could not be kept and are lost; no status is",
                              counted(std::exchange(s.lost, 0), "line"));
                }
            } catch (const io_error& e) {
                s.lost += m.lines.size();
                if (!std::exchange(s.in_trouble, true))
                    self->send(monitor, problem{source, std::string{"output of tasks is lost until it can be kept: "} +
                                                            e.what()});
            }
            return answer;
        },
        [=](const logs_asked& m) -> caf::result<logs_answer> {
            try {
                return logs_answer{self->state.options.store->query(m.query), {}, {}};
            } catch (const io_error& e) {
                return caf::make_error(caf::sec::runtime_error, e.what());
            }
        },
    };
}

}  // namespace bistro
