#include "io/log_store/log_store.hpp"

#include <deque>

#include "io/log_store/line_ids.hpp"

namespace bistro {

std::string_view to_string(log_stream stream) {
    switch (stream) {
        case log_stream::out: return "stdout";
        case log_stream::err: return "stderr";
        case log_stream::status: return "statuses";
    }
    return {};
}

std::optional<log_stream> parse_log_stream(std::string_view text) {
    for (auto stream : {log_stream::out, log_stream::err, log_stream::status})
        if (text == to_string(stream)) return stream;
    return std::nullopt;
}

namespace {

class memory_log_store final : public log_store {
public:
    explicit memory_log_store(const retention& keep) : keep_{keep} {}

    void append(std::vector<log_line>& lines) override {
        for (auto& line : lines) {
            line.id = ids_.next(line.written_ms);
            lines_.push_back(line);
        }
        while (!lines_.empty() && (lines_.size() > most_lines() ||
                                   lines_.front().written_ms < lines_.back().written_ms - keep_.max_age_ms))
            lines_.pop_front();
    }

    std::vector<log_line> query(const log_query& q) override {
        std::vector<log_line> result;
        for (const auto& line : lines_)
            if (line.id > q.after_id && (q.before_id == 0 || line.id < q.before_id) &&
                (q.job.empty() || line.job == q.job) && (q.node.empty() || line.node == q.node) &&
                (!q.invocation.valid() || line.invocation == q.invocation) && (q.any_stream || line.stream == q.stream))
                result.push_back(line);
        if (result.size() <= q.limit) return result;
        const auto extra = static_cast<std::ptrdiff_t>(result.size() - q.limit);
        if (q.latest)
            result.erase(result.begin(), result.begin() + extra);
        else
            result.resize(q.limit);
        return result;
    }

    void clear() override { lines_.clear(); }

private:
    // Memory is not a place for all that a long run prints.
    static constexpr std::uint64_t max_lines_in_memory = 100'000;
    [[nodiscard]] std::uint64_t most_lines() const { return std::min(keep_.max_count, max_lines_in_memory); }

    retention keep_;
    line_ids ids_;
    std::deque<log_line> lines_;
};

}  // namespace

std::unique_ptr<log_store> make_memory_log_store(const retention& keep) {
    return std::make_unique<memory_log_store>(keep);
}

}  // namespace bistro
