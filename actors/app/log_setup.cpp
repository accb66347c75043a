#include "actors/app/log_setup.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <mutex>

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

}  // namespace bistro
