#include "actors/app/top_screen.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "actors/http/answers_json.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr std::size_t lines_around_table = 5;
constexpr std::ptrdiff_t page = 10;

std::string percent(const task_counts& c) {
    const auto all = c.total - std::min(c.total, c.excluded);
    constexpr std::size_t width = 12;
    const auto full = all == 0 ? std::size_t{0} : static_cast<std::size_t>(c.done * width / all);
    return std::string(full, '#') + std::string(width - full, '.') +
           fmt::format(" {:3}%", all == 0 ? 100 : c.done * 100 / all);
}

std::string left_text(double seconds) {
    return seconds < 0 ? std::string{} : duration_text(static_cast<std::int64_t>(seconds * 1000));
}

const char* name_of(top_screen::view v) {
    switch (v) {
        case top_screen::view::jobs: return "jobs";
        case top_screen::view::tasks: return "running tasks";
        case top_screen::view::failures: return "failures";
        case top_screen::view::workers: return "workers";
    }
    return "";
}

const std::vector<std::string> help_lines{
    "1 2 3 4, Tab   jobs, running tasks, failures, workers",
    "up down        choose a line; also k and j, page up and page down, home and end",
    "Enter          from a job to its tasks; Escape goes back",
    "s S            sort by the next column; the other way round",
    "/              show only lines with some text; Escape takes it back",
    "p u            pause a job; let it go on",
    "r              retry what failed of a job",
    "x              end a running task, or all of a job",
    "space          hold what is shown; again to go on",
    "q              quit"};

}  // namespace

void top_screen::take(jobs_answer answer, time_ms now) {
    jobs_ = std::move(answer);
    now_ = now;
}
void top_screen::take(tasks_answer answer) { tasks_ = std::move(answer); }
void top_screen::take(std::vector<job_details> details) { details_ = std::move(details); }

// -- tables -----------------------------------------------------------------------------------------------------------

top_screen::table top_screen::jobs_table() const {
    table t{{"job", "progress", "done", "running", "waiting", "failed", "rate/s", "left", "why waiting"}, {}};
    const auto number = [](std::uint64_t n) { return cell{std::to_string(n), static_cast<double>(n)}; };
    for (const auto& job : jobs_.jobs) {
        const auto& c = job.counts;
        const double share = c.total == 0 ? 1 : static_cast<double>(c.done) / static_cast<double>(c.total);
        t.rows.push_back({job.job.value,
                          {{printable(job.job.value) + (job.enabled ? "" : " (paused)"), {}},
                           {percent(c), share},
                           number(c.done),
                           number(c.running),
                           number(c.ready + c.backoff + c.blocked),
                           number(c.failed),
                           {fmt::format("{:.1f}", static_cast<double>(job.rate)), job.rate},
                           {left_text(job.left_s), job.left_s},
                           {printable(job.waiting), {}}},
                          job.job,
                          {},
                          {}});
    }
    return t;
}

top_screen::table top_screen::tasks_table() const {
    table t{{"job", "node", "worker", "runs for", "errors"}, {}};
    for (const auto& task : tasks_.tasks) {
        const auto time = std::max<time_ms>(now_ - task.started_ms, 0);
        t.rows.push_back({task.job.value + " " + task.node.value,
                          {{printable(task.job.value), {}},
                           {printable(task.node.value), {}},
                           {printable(task.worker), {}},
                           {duration_text(time), static_cast<double>(time)},
                           {std::to_string(task.errors), task.errors}},
                          task.job,
                          task.node,
                          {}});
    }
    return t;
}

top_screen::table top_screen::failures_table() const {
    table t{{"job", "tasks", "for good", "latest", "cause"}, {}};
    for (const auto& job : details_)
        for (const auto& group : job.failures) {
            const auto ago = std::max<time_ms>(now_ - group.latest_ms, 0);
            t.rows.push_back({job.job.value + " " + group.cause,
                              {{printable(job.job.value), {}},
                               {std::to_string(group.tasks), static_cast<double>(group.tasks)},
                               {std::to_string(group.for_good), static_cast<double>(group.for_good)},
                               {duration_text(ago) + " ago", static_cast<double>(ago)},
                               {printable(group.cause), {}}},
                              job.job,
                              {},
                              group.cause});
        }
    return t;
}

top_screen::table top_screen::workers_table() const {
    table t{{"worker", "host", "pid", "state", "heard"}, {}};
    for (const auto& w : jobs_.workers) {
        auto state = w.awaited ? std::string{"awaited since the restart"} : w.health;
        if (!w.connected && !w.awaited) state += ", connection broken";
        if (w.leaving) state += ", leaving";
        t.rows.push_back({w.shard.value,
                          {{printable(w.shard.value), {}},
                           {printable(w.host), {}},
                           {std::to_string(w.pid), static_cast<double>(w.pid)},
                           {state, {}},
                           {duration_text(w.silent_ms) + " ago", static_cast<double>(w.silent_ms)}},
                          {},
                          {},
                          {}});
    }
    return t;
}

top_screen::table top_screen::current() const {
    auto t = view_ == view::jobs       ? jobs_table()
             : view_ == view::tasks    ? tasks_table()
             : view_ == view::failures ? failures_table()
                                       : workers_table();
    if (!filter_.empty())
        std::erase_if(t.rows, [&](const row& r) {
            return std::none_of(r.cells.begin(), r.cells.end(),
                                [&](const cell& c) { return c.text.find(filter_) != std::string::npos; });
        });
    if (const auto by = sorted_by_.find(view_); by != sorted_by_.end())
        std::stable_sort(t.rows.begin(), t.rows.end(), [column = by->second](const row& a, const row& b) {
            const auto& x = a.cells[column];
            const auto& y = b.cells[column];
            // The largest number first, but names in their order.
            return x.number && y.number ? *x.number > *y.number : x.text < y.text;
        });
    if (reversed_) std::reverse(t.rows.begin(), t.rows.end());
    return t;
}

// -- keys -------------------------------------------------------------------------------------------------------------

void top_screen::move(std::ptrdiff_t by) {
    const auto rows = current().rows;
    if (rows.empty()) return;
    const auto at = std::find_if(rows.begin(), rows.end(), [&](const row& r) { return r.key == selected_; });
    const auto last = static_cast<std::ptrdiff_t>(rows.size()) - 1;
    const auto from = at == rows.end() ? 0 : at - rows.begin();
    selected_ = rows[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(from + by, 0, last))].key;
}

void top_screen::turn_to(view v) {
    if (v != view::tasks) job_ = {};
    view_ = v;
    selected_.clear();
    reversed_ = false;
}

void top_screen::ask_whether(control_verb verb, const std::string& what) {
    const auto rows = current().rows;
    auto at = std::find_if(rows.begin(), rows.end(), [&](const row& r) { return r.key == selected_; });
    if (at == rows.end()) at = rows.begin();
    if (rows.empty() || at->job.empty()) {
        message_ = "choose a job or a task first";
        return;
    }
    unconfirmed_ = top_order{verb, at->job, verb == control_verb::kill ? at->node : node_id{},
                             verb == control_verb::forgive ? at->cause : std::string{}};
    message_ = what + " " + printable(at->job.value);
    if (!unconfirmed_->node.empty()) message_ += " on " + printable(at->node.value);
    if (!unconfirmed_->cause.empty()) message_ += " by this cause";
    message_ += "? y or n";
}

std::optional<top_order> top_screen::confirmed(const std::string& key) {
    auto order = std::exchange(unconfirmed_, std::nullopt);
    message_.clear();
    if (key == "y" || key == "Y") return order;
    message_ = "nothing was done";
    return std::nullopt;
}

void top_screen::edit_filter(const std::string& key) {
    if (key == "enter") {
        editing_ = false;
    } else if (key == "escape") {
        editing_ = false;
        filter_.clear();
    } else if (key == "backspace") {
        while (!filter_.empty() && (static_cast<unsigned char>(filter_.back()) & 0xC0U) == 0x80U) filter_.pop_back();
        if (!filter_.empty()) filter_.pop_back();
    } else if (count_code_points(key) == 1 && printable(key) == key) {
        filter_ += key;
    }
}

std::optional<top_order> top_screen::key(const std::string& key) {
    if (unconfirmed_) return confirmed(key);
    message_.clear();
    if (editing_) {
        edit_filter(key);
        return std::nullopt;
    }
    if (helps_) {
        helps_ = false;
        return std::nullopt;
    }
    if (key == "q") ended_ = true;
    if (key == "h" || key == "?") helps_ = true;
    if (key == " ") frozen_ = !frozen_;
    if (key == "/") editing_ = true;
    if (key == "1") turn_to(view::jobs);
    if (key == "2") turn_to(view::tasks);
    if (key == "3") turn_to(view::failures);
    if (key == "4") turn_to(view::workers);
    if (key == "tab") turn_to(static_cast<view>((static_cast<int>(view_) + 1) % 4));
    if (key == "down" || key == "j") move(1);
    if (key == "up" || key == "k") move(-1);
    if (key == "page down") move(page);
    if (key == "page up") move(-page);
    if (key == "home") move(std::numeric_limits<std::int32_t>::min());
    if (key == "end") move(std::numeric_limits<std::int32_t>::max());
    if (key == "s") {
        const auto columns = current().titles.size();
        const auto by = sorted_by_.find(view_);
        sorted_by_[view_] = by == sorted_by_.end() ? 0 : (by->second + 1) % columns;
    }
    if (key == "S") reversed_ = !reversed_;
    if (key == "escape") {
        if (!filter_.empty())
            filter_.clear();
        else
            turn_to(view::jobs);
    }
    if (key == "enter" && view_ == view::jobs) {
        const auto rows = current().rows;
        auto at = std::find_if(rows.begin(), rows.end(), [&](const row& r) { return r.key == selected_; });
        if (at == rows.end()) at = rows.begin();
        if (!rows.empty()) {
            const auto chosen = at->job;
            turn_to(view::tasks);
            job_ = chosen;
        }
    }
    if (key == "p") ask_whether(control_verb::pause, "pause");
    if (key == "u") ask_whether(control_verb::resume, "let go on");
    if (key == "r") ask_whether(control_verb::forgive, "retry what failed of");
    if (key == "x") ask_whether(control_verb::kill, "end what runs of");
    return std::nullopt;
}

// -- lines ------------------------------------------------------------------------------------------------------------

std::string top_screen::head() const {
    const auto sum = sum_of(jobs_);
    double rate = 0;
    for (const auto& job : jobs_.jobs) rate += job.rate;
    return fmt::format("{}, {}: {} done, {} running, {} waiting, {} failed, {:.1f} a second; {}{}",
                       counted(jobs_.jobs.size(), "job"), counted(sum.total, "task"), sum.done, sum.running,
                       sum.ready + sum.backoff + sum.blocked, sum.failed, rate, counted(jobs_.workers.size(), "worker"),
                       frozen_ ? " [held]" : "");
}

std::vector<std::string> top_screen::lines(std::size_t width, std::size_t height, bool colours) const {
    std::vector<std::string> result{shortened(head(), width)};
    auto where = std::string{name_of(view_)};
    if (!job_.empty()) where += " of " + printable(job_.value);
    if (!filter_.empty() || editing_) where += ", only with \"" + printable(filter_) + (editing_ ? "_" : "") + "\"";
    result.push_back(coloured(shortened(where, width), colour::bold, colours));
    if (helps_) {
        for (const auto& line : help_lines) result.push_back(shortened(line, width));
        return result;
    }
    auto t = current();
    const auto room = height > lines_around_table ? height - lines_around_table : 1;
    const auto at = std::find_if(t.rows.begin(), t.rows.end(), [&](const row& r) { return r.key == selected_; });
    const auto chosen = at == t.rows.end() ? std::size_t{0} : static_cast<std::size_t>(at - t.rows.begin());
    const auto first = chosen < room ? std::size_t{0} : chosen - room + 1;
    std::vector<text_table::column> columns;
    for (std::size_t i = 0; i < t.titles.size(); ++i) {
        const auto by = sorted_by_.find(view_);
        const bool sorted = by != sorted_by_.end() && by->second == i;
        const bool number = !t.rows.empty() && t.rows.front().cells[i].number && t.titles[i] != "progress";
        columns.push_back(
            {t.titles[i] + (sorted ? (reversed_ ? " ^" : " v") : ""), number ? align::right : align::left});
    }
    text_table shown{std::move(columns)};
    for (std::size_t i = first; i < t.rows.size() && i < first + room; ++i) {
        std::vector<std::string> cells;
        for (const auto& c : t.rows[i].cells) cells.push_back(c.text);
        cells.front() = (i == chosen ? "> " : "  ") + cells.front();
        shown.add(std::move(cells));
    }
    const auto text = shown.render(width, colours);
    for (std::size_t begin = 0; begin < text.size() && result.size() + 1 < height;) {
        const auto end = text.find('\n', begin);
        result.push_back(text.substr(begin, end - begin));
        begin = end == std::string::npos ? text.size() : end + 1;
    }
    if (t.rows.empty()) result.emplace_back("  none");
    const auto last = message_.empty() ? std::string{"h help, q quit"} : message_;
    while (result.size() + 1 < height) result.emplace_back();
    result.push_back(coloured(shortened(last, width), message_.empty() ? colour::dim : colour::yellow, colours));
    return result;
}

}  // namespace bistro
