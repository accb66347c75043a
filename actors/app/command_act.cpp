// bistro submit and wait.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>

#include "actors/app/client.hpp"
#include "actors/app/query_output.hpp"
#include "actors/http/answers_json.hpp"
#include "config/submissions.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr std::size_t max_file_bytes = 16U << 20;
constexpr std::int64_t patience_s = 5;  // with the scheduler's answer that the time is over

// Throws std::runtime_error.
std::string text_of(const std::string& file) {
    std::ifstream opened;
    if (file != "-") {
        opened.open(file, std::ios::binary);
        if (!opened) throw std::runtime_error{file + " can't be read"};
    }
    auto& in = file == "-" ? std::cin : opened;
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (in.bad()) throw std::runtime_error{file + " can't be read"};
    if (text.size() > max_file_bytes)
        throw std::runtime_error{file + " is larger than " + std::to_string(max_file_bytes >> 20) + " MiB"};
    return text;
}

}  // namespace

int command_submit(const target_arguments& target, const std::string& file) {
    std::map<job_id, std::string> jobs;
    try {
        jobs = jobs_of_toml(text_of(file), file == "-" ? "stdin" : file);
    } catch (const std::runtime_error& e) {
        fmt::print(stderr, "bistro submit: {}\n", printable(e.what()));
        return bad_usage;
    }
    client c{target};
    int code = all_well;
    for (const auto& [name, job] : jobs) {
        auto answer = c.connected() ? c.ask<control_answer>(control_asked{{}, control_verb::submit, name, {}, job})
                                    : std::nullopt;
        if (!answer) return unreachable(c);
        if (!answer->ok) answer->text = "job " + quote(name.value) + " is refused: " + answer->text;
        if (const int done = print_done(*answer, target.json, bad_usage); done != all_well) code = done;
    }
    return code;
}

int command_wait(const target_arguments& target, const std::string& job, std::int64_t timeout_s) {
    client c{target};
    if (!c.connected()) return unreachable(c);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{timeout_s};
    std::optional<wait_answer> answer;
    do {
        auto left = longest_wait_at_once_s;
        if (timeout_s > 0)
            left = std::clamp<std::int64_t>(
                std::chrono::ceil<std::chrono::seconds>(until - std::chrono::steady_clock::now()).count(), 1, left);
        answer = c.wait_for<wait_answer>(wait_asked{{}, job_id{job}, left}, left + patience_s);
        if (!answer && !c.error().empty()) return unreachable(c);
    } while ((!answer || !answer->at_rest) && (timeout_s == 0 || std::chrono::steady_clock::now() < until));
    if (target.json && answer) fmt::print("{}\n", to_line(rest_json(job_id{job}, *answer)));
    if (!answer || !answer->at_rest) {
        fmt::print(stderr, "bistro wait: job {} is not at rest after {} s; see bistro explain {}\n", quote(job),
                   timeout_s, job);
        return not_in_time;
    }
    const auto& counts = answer->counts;
    if (!target.json) fmt::print("{}: {} done, {} failed\n", printable(job), counts.done, counts.failed);
    return counts.failed > 0 ? some_failed : all_well;
}

}  // namespace bistro
