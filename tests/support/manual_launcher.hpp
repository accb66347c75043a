// A launcher whose processes end when a test says so. The real one has tests of its own; this one lets actors be
// tested without time.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "io/process/process_launcher.hpp"

namespace bistro::test {

class manual_launcher final : public process_launcher {
public:
    struct process {
        process_spec spec;
        process_events events;
        std::vector<int> signals;
        std::size_t credit_bytes = 0;
    };

    std::string status_path(process_id id) const override { return "/status/" + std::to_string(id); }
    void launch(process_id id, process_spec spec, process_events events) override {
        EXPECT_FALSE(running.contains(id)) << "launched twice";
        ++launched;
        running[id] = {std::move(spec), std::move(events), {}, 0};
    }
    void signal(process_id id, int signal) override {
        if (auto p = running.find(id); p != running.end()) p->second.signals.push_back(signal);
    }
    void return_credit(process_id id, std::size_t bytes) override {
        if (auto p = running.find(id); p != running.end()) p->second.credit_bytes += bytes;
    }

    bool keep_alive(std::chrono::milliseconds time) override {
        kept_alive_for = time;
        return !reaper_is_gone;
    }
    bool reaper_is_gone = false;
    void stop() override { running.clear(); }

    void end(process_id id, process_outcome outcome = {}) {
        auto events = std::move(running.at(id).events);
        running.erase(id);
        events.on_end(std::move(outcome));
    }
    void end_all(const process_outcome& outcome = {}) {
        while (!running.empty()) end(running.begin()->first, outcome);
    }
    [[nodiscard]] std::vector<std::string> nodes() const {
        std::vector<std::string> result;
        for (const auto& [id, p] : running)
            for (const auto& e : p.spec.environment)
                if (e.starts_with("BISTRO_NODE=")) result.push_back(e.substr(12));
        return result;
    }

    std::map<process_id, process> running;
    std::size_t launched = 0;
    std::chrono::milliseconds kept_alive_for{};  ///< as told last
};

}  // namespace bistro::test
