#include "actors/program_log.hpp"

#include <spdlog/pattern_formatter.h>

#include <boost/json.hpp>
#include <chrono>
#include <memory>

#include "actors/repeat_filter.hpp"

namespace bistro {

namespace {

constexpr std::chrono::seconds repeats_within{5};
constexpr const char* time_pattern = "%Y-%m-%dT%H:%M:%S.%e%z";
constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v";

using loggers = std::array<std::shared_ptr<spdlog::logger>, log_parts.size()>;

loggers& all_loggers() {
    static loggers instance = [] {
        loggers result;
        for (std::size_t i = 0; i < result.size(); ++i)
            result[i] =
                std::make_shared<spdlog::logger>(std::string{log_parts[i]}, spdlog::default_logger()->sinks().front());
        return result;
    }();
    return instance;
}

std::string_view text_of(spdlog::string_view_t text) { return {text.data(), text.size()}; }

// A line of fields for machines. Values are quoted as JSON quotes them, which logfmt's readers take too.
class field_formatter final : public spdlog::formatter {
public:
    explicit field_formatter(log_format format) : format_{format} {}

    void format(const spdlog::details::log_msg& m, spdlog::memory_buf_t& to) override {
        spdlog::memory_buf_t stamp;
        time_.format(m, stamp);
        const auto level = text_of(spdlog::level::to_string_view(m.level));
        const auto part = m.logger_name.size() > 0 ? text_of(m.logger_name) : log_parts[0];
        const auto message = boost::json::serialize(boost::json::string(text_of(m.payload)));
        const auto at = text_of({stamp.data(), stamp.size()});
        if (format_ == log_format::json)
            fmt::format_to(std::back_inserter(to), R"({{"ts":"{}","level":"{}","component":"{}","msg":{}}})", at, level,
                           part, message);
        else
            fmt::format_to(std::back_inserter(to), "ts={} level={} component={} msg={}", at, level, part, message);
        to.push_back('\n');
    }

    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<field_formatter>(format_);
    }

private:
    log_format format_;
    spdlog::pattern_formatter time_{time_pattern, spdlog::pattern_time_type::local, ""};
};

std::string_view name_of(spdlog::level::level_enum level) { return text_of(spdlog::level::to_string_view(level)); }

}  // namespace

spdlog::logger& log_of(log_part part) { return *all_loggers()[static_cast<std::size_t>(part)]; }

void log_to(spdlog::sink_ptr sink, log_format format) {
    if (format == log_format::text)
        sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(text_pattern));
    else
        sink->set_formatter(std::make_unique<field_formatter>(format));
    const auto filter = std::make_shared<repeat_filter>(std::move(sink), repeats_within);
    for (auto& logger : all_loggers()) logger = std::make_shared<spdlog::logger>(logger->name(), filter);
    spdlog::set_default_logger(all_loggers()[0]);
}

bool is_log_level(std::string_view level) {
    return level == "off" || spdlog::level::from_str(std::string{level}) != spdlog::level::off;
}

bool set_log_level(std::string_view part, std::string_view level) {
    if (!is_log_level(level)) return false;
    const auto wanted = spdlog::level::from_str(std::string{level});
    bool known = false;
    for (std::size_t i = 0; i < log_parts.size(); ++i) {
        if (!part.empty() && part != log_parts[i]) continue;
        all_loggers()[i]->set_level(wanted);
        known = true;
    }
    return known;
}

std::vector<std::pair<std::string, std::string>> log_levels() {
    std::vector<std::pair<std::string, std::string>> result;
    for (std::size_t i = 0; i < log_parts.size(); ++i)
        result.emplace_back(log_parts[i], name_of(all_loggers()[i]->level()));
    return result;
}

}  // namespace bistro
