// POST /: one request of the seed system's monitoring interface, and one of its named queries. What the queries are is
// in http_seed.cpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/http/answers_json.hpp"
#include "actors/http/http_parts.hpp"
#include "model/text.hpp"

namespace bistro::seed {

namespace json = boost::json;

/// Nodes, tasks and lines that the queries of one request may go through in all; the first one may go through more.
inline constexpr std::size_t max_rows = 2'000'000;

/// One request: answered when its last query is.
struct batch {
    exchange_ptr exchange;
    std::map<std::string, std::string> answers;  // by the query's name, as JSON
    std::size_t rows_left = max_rows;            // of nodes, tasks and lines, that its queries may still go through

    ~batch() {
        std::string text = "{";
        for (auto& [name, answer] : answers) {
            if (text.size() > 1) text += ',';
            text += quoted(name) + ":" + answer;
            answer = {};
        }
        answer_json_text(exchange, text + "}\n");
    }
    batch(exchange_ptr e) : exchange{std::move(e)} {}
    batch(const batch&) = delete;
    batch& operator=(const batch&) = delete;

    static std::string quoted(std::string_view text) { return json::serialize(json_text(std::string{text})); }
};

/// One of its queries. A copy shares the answer.
class query {
public:
    query(http_ptr actor, std::shared_ptr<batch> all, std::string name, json::object input)
        : self{actor}, input_{std::move(input)}, batch_{std::move(all)}, name_{std::move(name)} {}

    void data(const json::value& value) const { data_text(to_line(value)); }
    /// What is JSON already.
    void data_text(const std::string& text) const { batch_->answers[name_] = "{\"data\":" + text + "}"; }
    void error(const std::string& text) const { batch_->answers[name_] = "{\"error\":" + batch::quoted(text) + "}"; }
    /// False, with an error for an answer, where this would be too much work for one request.
    bool takes_rows(std::size_t rows) const {
        if (rows > batch_->rows_left && batch_->rows_left < max_rows) {
            error("this request asks for too much at once: its queries may go through " + std::to_string(max_rows) +
                  " nodes, tasks and lines in all; ask for less, or for pages of /api/v1/nodes and /api/v1/tasks");
            return false;
        }
        batch_->rows_left -= std::min(rows, batch_->rows_left);
        return true;
    }
    bool may_operate() const { return batch_->exchange->request().role >= http_role::operate; }

    /// The parts of the input. A part of the wrong type throws std::invalid_argument.
    std::string text(const char* key) const {
        const auto* value = input_.if_contains(key);
        if (!value || value->is_null()) return {};
        if (!value->is_string()) throw std::invalid_argument{quote(key) + " must be a text"};
        return std::string{value->get_string()};
    }

    std::string needed_text(const char* key) const {
        auto value = text(key);
        if (value.empty()) throw std::invalid_argument{quote(key) + " is missing"};
        return value;
    }

    std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> result;
        const auto* value = input_.if_contains(key);
        if (!value || value->is_null()) return result;
        if (!value->is_array()) throw std::invalid_argument{quote(key) + " must be a list of texts"};
        for (const auto& item : value->get_array()) {
            if (!item.is_string()) throw std::invalid_argument{quote(key) + " must be a list of texts"};
            result.emplace_back(item.get_string());
        }
        return result;
    }

    /// Seconds or an id, which is written as a text where it is large.
    std::optional<std::int64_t> number(const char* key) const {
        const auto* value = input_.if_contains(key);
        if (!value || value->is_null()) return std::nullopt;
        if (value->is_int64()) return value->get_int64();
        if (value->is_string()) {
            const auto& text = value->get_string();
            std::int64_t parsed = 0;
            const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), parsed);
            if (ec == std::errc{} && end == text.data() + text.size()) return parsed;
        }
        throw std::invalid_argument{quote(key) + " must be a whole number"};
    }

    /// As text.
    std::string needed_object(const char* key) const {
        const auto* value = input_.if_contains(key);
        if (!value || !value->is_object()) throw std::invalid_argument{quote(key) + " must be an object"};
        return json::serialize(*value);
    }

    /// Those that are asked for; of none, all are.
    class job_choice {
    public:
        explicit job_choice(const std::vector<std::string>& names) : names_{names.begin(), names.end()} {}
        bool has(const job_id& job) const { return names_.empty() || names_.contains(job.value); }

    private:
        std::set<std::string> names_;
    };
    job_choice chosen_jobs() const { return job_choice{texts("jobs")}; }

    template <class Answer, class Handle, class Question>
    void ask(const Handle& whom, Question question, std::function<void(const query&, const Answer&)> then) const {
        self->request(whom, local_request_timeout, std::move(question))
            .then(
                [q = *this, then = std::move(then)](const Answer& answer) {
                    try {
                        then(q, answer);
                    } catch (const std::exception& e) {
                        q.error(e.what());
                    }
                },
                [q = *this](const caf::error& e) { q.error(text_of_error(e)); });
    }

    void ask_view(std::function<void(const query&, const scheduler_view&)> then) const {
        ask<scheduler_view>(self->state.options.scheduler, view_asked{}, std::move(then));
    }

    http_ptr self;

private:
    json::object input_;
    std::shared_ptr<batch> batch_;
    std::string name_;
};

}  // namespace bistro::seed
