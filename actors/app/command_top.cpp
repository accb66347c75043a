// bistro top: what happens, live, and what to do about it.
#include <fmt/format.h>

#include <algorithm>

#include "actors/app/client.hpp"
#include "actors/app/commands.hpp"
#include "actors/app/top_screen.hpp"
#include "io/clock.hpp"
#include "io/error.hpp"
#include "io/terminal/raw_terminal.hpp"
#include "io/terminal/terminal.hpp"

namespace bistro {

namespace {

constexpr std::chrono::milliseconds refresh_interval{1000};
constexpr std::chrono::milliseconds key_interval{100};
constexpr std::uint64_t max_tasks_shown = 500;
// Of more jobs the failures are not asked for each second.
constexpr std::size_t max_jobs_detailed = 100;

// False: the scheduler can't be asked, and says why.
bool refresh(client& c, top_screen& screen) {
    auto jobs = c.ask<jobs_answer>(jobs_asked{});
    if (!jobs) return false;
    std::vector<job_id> troubled;
    for (const auto& job : jobs->jobs)
        if (job.counts.failed + job.counts.backoff > 0 && troubled.size() < max_jobs_detailed)
            troubled.push_back(job.job);
    screen.take(std::move(*jobs), wall_clock_ms());
    if (screen.shown() == top_screen::view::tasks)
        if (auto tasks = c.ask<tasks_answer>(tasks_asked{{}, screen.job(), "running", max_tasks_shown, {}, false}))
            screen.take(std::move(*tasks));
    if (screen.shown() == top_screen::view::failures) {
        std::vector<job_details> all;
        for (const auto& job : troubled)
            if (auto details = c.ask<job_details>(details_asked{{}, job})) all.push_back(std::move(*details));
        screen.take(std::move(all));
    }
    return true;
}

void carry_out(client& c, top_screen& screen, const top_order& order) {
    control_asked question;
    question.verb = order.verb;
    question.job = order.job;
    question.node = order.node;
    question.cause = order.cause;
    const auto answer = c.ask<control_answer>(std::move(question));
    screen.say(printable(answer ? answer->text : c.error()));
}

}  // namespace

int command_top(const target_arguments& target) {
    client c{target};
    if (!c.connected()) return unreachable(c);
    top_screen screen;
    if (!refresh(c, screen)) return unreachable(c);
    try {
        raw_terminal terminal;
        auto last = std::chrono::steady_clock::now();
        while (!screen.wants_to_end() && !terminal.gone()) {
            terminal.show(screen.lines(terminal_width(stdout), terminal_height(stdout), wants_colour(stdout)));
            const auto key = terminal.key(key_interval);
            const auto view_before = screen.shown();
            bool due = std::chrono::steady_clock::now() - last >= refresh_interval;
            if (!key.empty())
                if (const auto order = screen.key(key)) {
                    carry_out(c, screen, *order);
                    due = true;
                }
            if (!due && screen.shown() == view_before) continue;
            if (screen.frozen() && screen.shown() == view_before) continue;
            last = std::chrono::steady_clock::now();
            if (!refresh(c, screen)) screen.say(printable(c.error()));
        }
    } catch (const io_error& e) {
        fmt::print(stderr, "bistro top: {}; elsewhere see bistro jobs --watch 1\n", e.what());
        return bad_usage;
    }
    return all_well;
}

}  // namespace bistro
