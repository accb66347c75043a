#include "actors/app/log_setup.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <mutex>
#include <vector>

#include "actors/app/commands.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

class view_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit view_sink(std::shared_ptr<progress_view> view) : view_{std::move(view)} {}

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t text;
        formatter_->format(message, text);
        view_->print(stderr, {text.data(), text.size()});
    }
    void flush_() override {}

private:
    std::shared_ptr<progress_view> view_;
};

}  // namespace

void log_to_stderr(log_format format) { log_to(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), format); }

void log_through(const std::shared_ptr<progress_view>& view) {
    log_to(std::make_shared<view_sink>(view), log_format::text);
}

std::string set_up_log(const process_arguments& a) {
    log_to_stderr(a.log_format == "json"     ? log_format::json
                  : a.log_format == "logfmt" ? log_format::logfmt
                                             : log_format::text);
    for (const auto& word : a.log_levels) {
        const auto at = word.find('=');
        const auto part = at == std::string::npos ? std::string{} : word.substr(0, at);
        if (!set_log_level(part, at == std::string::npos ? word : word.substr(at + 1)))
            return "--log-level " + quote(word) + " is none: levels are trace, debug, info, warning, error and off; " +
                   "components " + join(std::vector<std::string>{log_parts.begin(), log_parts.end()}, ", ");
    }
    return {};
}

}  // namespace bistro
