// bistro console: looks inside a running process.
#include <fmt/format.h>
#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cctype>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "actors/app/client.hpp"
#include "actors/app/commands.hpp"
#include "actors/console/console_actor.hpp"
#include "actors/http/answers_json.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

using words = std::vector<std::string>;

constexpr std::chrono::milliseconds look_interval{200};
constexpr int history_length = 1000;
// A trace looks into the processes of so many workers.
constexpr std::size_t max_traced_workers = 32;

std::atomic<bool> interrupted{false};

// At blanks, but for those of a word in quotes of either kind. Only at its beginning: names may have quotes. One that
// is not ended ends with the line.
words split(const std::string& line) {
    words result;
    bool in_word = false;
    char quoted_by = '\0';
    for (const char c : line) {
        const bool blank = quoted_by == '\0' && std::isspace(static_cast<unsigned char>(c)) != 0;
        if (blank) {
            in_word = false;
            continue;
        }
        const bool begins = !std::exchange(in_word, true);
        if (begins) result.emplace_back();
        if (begins && (c == '"' || c == '\''))
            quoted_by = c;
        else if (c == quoted_by)
            quoted_by = '\0';
        else
            result.back() += c;
    }
    return result;
}

bool is_number_column(const std::string& name) {
    return name == "id" || name == "mailbox" || name == "handled" || name == "length" || name == "parent";
}

class console {
public:
    console(client& c, bool as_json, std::int64_t for_s) : client_{c}, as_json_{as_json}, for_s_{for_s} {}

    /// The exit code of one command.
    int carry_out(const std::string& line) {
        const auto command = split(line);
        if (command.empty()) return all_well;
        if (command.front() == "of" && command.size() <= 2) return turn_to(command.size() == 2 ? command[1] : "");
        if (command.front() == "of") {
            fmt::print(stderr, "say of WORKER, or of alone for the scheduler's process\n");
            return bad_usage;
        }
        const bool goes_on = command.front() == "tap" || command.front() == "trace";
        auto answer = ask(command, 0);
        if (!answer) return told_why();
        if (!goes_on) {
            print(*answer);
            return all_well;
        }
        std::map<std::string, std::uint64_t> processes{{worker_, answer->last}};
        if (command.front() == "trace" && worker_.empty()) add_workers(command, processes);
        return follow(command, std::move(processes));
    }

    /// Looks into the process of this worker from now on; empty: the scheduler's.
    int turn_to(const std::string& worker) {
        const auto before = std::exchange(worker_, worker);
        if (ask({"help"}, 0)) return all_well;
        worker_ = before;
        return told_why();
    }
    [[nodiscard]] const std::string& worker() const { return worker_; }
    /// The first words of commands, and what their arguments may be now.
    words candidates(const std::string& command) {
        words result;
        if (command.empty()) {
            for (const auto& c : console_commands()) result.emplace_back(c.name);
            result.insert(result.end(), {"of", "quit"});
        } else if (command == "inspect" || command == "tap" || command == "actors") {
            add_column({"actors"}, 1, result);
        } else if (command == "of") {
            if (const auto jobs = client_.ask<jobs_answer>(jobs_asked{}))
                for (const auto& w : jobs->workers) result.push_back(w.shard.value);
        } else if (command == "trace") {
            if (const auto jobs = client_.ask<jobs_answer>(jobs_asked{}))
                for (const auto& j : jobs->jobs) result.push_back(j.job.value);
        } else if (command == "log") {
            add_column({"log"}, 0, result);
            for (const char* level : {"debug", "info", "warning", "error", "off"}) result.emplace_back(level);
        }
        return result;
    }

private:
    std::optional<console_answer> ask(const words& command, std::uint64_t after) {
        return ask_of(worker_, command, after);
    }
    std::optional<console_answer> ask_of(const std::string& worker, const words& command, std::uint64_t after) {
        auto answer = client_.ask<console_answer>(console_asked{{}, worker, command, after});
        if (!answer) return answer;
        // Of another process, which may say anything.
        for (auto* texts : {&answer->columns, &answer->notes})
            for (auto& text : *texts) text = printable(text);
        for (auto& row : answer->rows)
            for (auto& text : row) text = printable(text);
        return answer;
    }

    // A task's way leads through a worker too, and nobody knows yet through which.
    void add_workers(const words& command, std::map<std::string, std::uint64_t>& processes) {
        const auto jobs = client_.ask<jobs_answer>(jobs_asked{});
        if (!jobs) return;
        for (const auto& w : jobs->workers) {
            if (processes.size() > max_traced_workers) {
                fmt::print(stderr, "note: only the processes of {} are looked into\n",
                           counted(max_traced_workers, "worker"));
                return;
            }
            // One of the scheduler's own process has been asked already, and none that has no console answers.
            if (const auto begun = ask_of(w.shard.value, command, 0)) processes[w.shard.value] = begun->last;
        }
    }

    int told_why() const {
        fmt::print(stderr, "{}{}\n", client_.unknown() ? "" : "bistro: ", client_.error());
        return client_.unknown() ? bad_usage : could_not_reach_run;
    }

    void add_column(const words& command, std::size_t column, words& to) {
        if (const auto answer = ask(command, 0))
            for (const auto& row : answer->rows)
                if (column < row.size()) to.push_back(row[column]);
    }

    void print(const console_answer& answer) const {
        if (as_json_) return print_json(answer);
        std::vector<text_table::column> columns;
        for (const auto& name : answer.columns) {
            const bool right = is_number_column(name) || name == "busy" || name == "age" || name == "took";
            columns.push_back({name, right ? align::right : align::left});
        }
        text_table table{std::move(columns)};
        for (const auto& row : answer.rows) table.add(row);
        if (!answer.rows.empty()) fmt::print("{}", table.render(terminal_width(stdout), wants_colour(stdout)));
        for (const auto& note : answer.notes) fmt::print("note: {}\n", note);
        std::fflush(stdout);
    }

    // What comes bit by bit is no table, whose columns would jump.
    void print_seen(const console_answer& answer) const {
        if (as_json_) return print_json(answer);
        for (const auto& note : answer.notes) fmt::print("note: {}\n", note);
        for (const auto& row : answer.rows) {
            auto line = row[0] + "  " + row[1] + "  " + row[2];
            if (::isatty(STDOUT_FILENO) != 0) line = shortened(line, terminal_width(stdout) - row[3].size() - 2);
            fmt::print("{}  {}\n", line, row[3]);
        }
        std::fflush(stdout);
    }

    // One object a row, with the columns for keys; remarks have the key "note".
    static void print_json(const console_answer& answer) {
        for (const auto& row : answer.rows) {
            boost::json::object line{{"version", json_version}};
            for (std::size_t i = 0; i < row.size() && i < answer.columns.size(); ++i)
                line[answer.columns[i]] = json_cell(answer.columns[i], row[i]);
            fmt::print("{}\n", boost::json::serialize(line));
        }
        for (const auto& note : answer.notes)
            fmt::print("{}\n", to_line(boost::json::object{{"version", json_version}, {"note", json_text(note)}}));
        std::fflush(stdout);
    }

    static boost::json::value json_cell(const std::string& column, const std::string& text) {
        std::uint64_t number = 0;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (is_number_column(column) && ec == std::errc{} && end == text.data() + text.size()) return number;
        return json_text(text);
    }

    // What has passed in all of them since it was asked last, in the order of their clocks. Nothing: one is gone.
    std::optional<console_answer> look(const words& command, std::map<std::string, std::uint64_t>& processes) {
        console_answer all;
        for (auto& [worker, after] : processes) {
            auto answer = ask_of(worker, command, after);
            if (!answer) return std::nullopt;
            after = answer->last;
            all.columns = answer->columns;
            for (auto& row : answer->rows) {
                if (row.size() < 4) continue;
                if (processes.size() > 1) row[1] = (worker.empty() ? "scheduler" : worker) + "/" + row[1];
                all.rows.push_back(std::move(row));
            }
            all.notes.insert(all.notes.end(), answer->notes.begin(), answer->notes.end());
        }
        std::stable_sort(all.rows.begin(), all.rows.end(), [](const auto& a, const auto& b) { return a[0] < b[0]; });
        return all;
    }

    // Until Ctrl-C, or for the time that was given.
    int follow(const words& command, std::map<std::string, std::uint64_t> processes) {
        interrupted = false;
        const auto before = std::signal(SIGINT, [](int) { interrupted = true; });
        const auto begin = std::chrono::steady_clock::now();
        int code = all_well;
        while (!interrupted &&
               (for_s_ == 0 || std::chrono::steady_clock::now() - begin < std::chrono::seconds{for_s_})) {
            std::this_thread::sleep_for(look_interval);
            const auto answer = look(command, processes);
            if (!answer) {
                code = told_why();
                break;
            }
            print_seen(*answer);
        }
        std::signal(SIGINT, before);
        return code;
    }

    client& client_;
    bool as_json_;
    std::int64_t for_s_;
    std::string worker_;
};

// -- the line that is edited ------------------------------------------------------------------------------------------

console* completing = nullptr;

// libedit calls this for Tab.
unsigned char complete(EditLine* el, int) {
    const auto* info = el_line(el);
    const std::string typed{info->buffer, info->cursor};
    const auto blank = typed.find_last_of(' ');
    const auto begun = blank == std::string::npos ? typed : typed.substr(blank + 1);
    const auto first = blank == std::string::npos ? words{} : split(typed.substr(0, blank));
    auto found = completing->candidates(first.empty() ? "" : first.front());
    std::erase_if(found, [&](const auto& name) { return !name.starts_with(begun); });
    if (found.empty()) return CC_ERROR;
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    const auto common =
        std::mismatch(found.front().begin(), found.front().end(), found.back().begin(), found.back().end()).first -
        found.front().begin();
    auto insert = found.front().substr(begun.size(), static_cast<std::size_t>(common) - begun.size());
    if (found.size() == 1) insert += ' ';
    if (!insert.empty()) return el_insertstr(el, insert.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    fmt::print("\n{}\n", join(found, "  "));
    std::fflush(stdout);
    return CC_REDISPLAY;
}

std::string prompt_text;
char* prompt(EditLine*) { return prompt_text.data(); }

// $XDG_STATE_HOME, as the freedesktop.org base directories have it.
std::string history_path() {
    const char* state = std::getenv("XDG_STATE_HOME");
    const char* home = std::getenv("HOME");
    if (!state && !home) return {};
    const std::filesystem::path folder =
        (state && *state ? std::filesystem::path{state} : std::filesystem::path{home} / ".local/state") / "bistro";
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    return ignored ? std::string{} : (folder / "console_history").string();
}

int converse(console& c) {
    const std::unique_ptr<EditLine, decltype(&el_end)> el{el_init("bistro", stdin, stdout, stderr), el_end};
    const std::unique_ptr<History, decltype(&history_end)> past{history_init(), history_end};
    if (!el || !past) {
        fmt::print(stderr, "bistro console: the terminal can't be used; say what with -c\n");
        return could_not_reach_run;
    }
    HistEvent event{};
    history(past.get(), &event, H_SETSIZE, history_length);
    const auto path = history_path();
    if (!path.empty()) history(past.get(), &event, H_LOAD, path.c_str());
    el_set(el.get(), EL_PROMPT, prompt);
    el_set(el.get(), EL_EDITOR, "emacs");
    el_set(el.get(), EL_SIGNAL, 1);
    el_set(el.get(), EL_HIST, history, past.get());
    el_set(el.get(), EL_ADDFN, "complete", "complete what is typed", complete);
    el_set(el.get(), EL_BIND, "^I", "complete", nullptr);
    completing = &c;
    fmt::print("help shows the commands; Tab completes them, Ctrl-D ends\n");
    int code = all_well;
    for (;;) {
        prompt_text = c.worker().empty() ? "bistro> " : "bistro " + c.worker() + "> ";
        std::fflush(stdout);
        int length = 0;
        const char* line = el_gets(el.get(), &length);
        if (!line || length <= 0) {
            fmt::print("\n");
            break;
        }
        const auto command = split(line);
        if (command.empty()) continue;
        history(past.get(), &event, H_ENTER, line);
        if (!path.empty()) history(past.get(), &event, H_SAVE, path.c_str());
        if (command.front() == "quit" || command.front() == "exit") break;
        code = c.carry_out(line);
        if (code == could_not_reach_run) break;
    }
    completing = nullptr;
    return code == could_not_reach_run ? code : all_well;
}

}  // namespace

int command_console(const target_arguments& target, const console_arguments& a) {
    client connection{target};
    if (!connection.connected()) return unreachable(connection);
    console c{connection, target.json, a.for_s};
    if (!a.worker.empty())
        if (const int code = c.turn_to(a.worker); code != all_well) return code;
    int code = all_well;
    if (!a.commands.empty()) {
        for (const auto& line : a.commands)
            if (code == all_well) code = c.carry_out(line);
        return code;
    }
    if (::isatty(STDIN_FILENO) != 0) return converse(c);
    std::string line;
    for (int ch = std::fgetc(stdin); ch != EOF && code == all_well; ch = std::fgetc(stdin)) {
        if (ch != '\n') {
            line += static_cast<char>(ch);
            continue;
        }
        code = c.carry_out(line);
        line.clear();
    }
    return code == all_well ? c.carry_out(line) : code;
}

}  // namespace bistro
