// What `bistro top` shows, and what its keys do. Without a terminal: keys come as words, and lines go out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/protocol/query_messages.hpp"

namespace bistro {

/// Something that the person at the keys wants done, and has confirmed.
struct top_order {
    control_verb verb = control_verb::kill;
    job_id job;
    node_id node;
    std::string cause;  ///< of forgive: the cause that is meant; empty: all
};

class top_screen {
public:
    enum class view : std::uint8_t { jobs, tasks, failures, workers };

    // -- what is known, as it comes
    void take(jobs_answer answer, time_ms now);
    void take(tasks_answer answer);
    void take(std::vector<job_details> details);
    /// What became of an order, or why nothing is heard.
    void say(std::string text) { message_ = std::move(text); }

    // -- keys
    /// Gives an order where the key confirms one.
    std::optional<top_order> key(const std::string& key);
    [[nodiscard]] bool wants_to_end() const { return ended_; }
    /// Nothing new is wanted: what is shown stays.
    [[nodiscard]] bool frozen() const { return frozen_; }

    // -- what is shown, and so has to be asked for
    [[nodiscard]] view shown() const { return view_; }
    [[nodiscard]] const job_id& job() const { return job_; }  ///< of the tasks that are shown; empty: of all

    /// As many as fit.
    [[nodiscard]] std::vector<std::string> lines(std::size_t width, std::size_t height, bool colours) const;

private:
    struct cell {
        std::string text;
        std::optional<double> number;  ///< sorts by it
    };
    struct row {
        std::string key;
        std::vector<cell> cells;
        job_id job;
        node_id node;
        std::string cause;
    };
    struct table {
        std::vector<std::string> titles;
        std::vector<row> rows;
    };

    [[nodiscard]] table jobs_table() const;
    [[nodiscard]] table tasks_table() const;
    [[nodiscard]] table failures_table() const;
    [[nodiscard]] table workers_table() const;
    /// Of the view, filtered and sorted.
    [[nodiscard]] table current() const;
    void move(std::ptrdiff_t by);
    void turn_to(view v);
    void ask_whether(control_verb verb, const std::string& what);
    std::optional<top_order> confirmed(const std::string& key);
    void edit_filter(const std::string& key);
    [[nodiscard]] std::string head() const;

    jobs_answer jobs_;
    tasks_answer tasks_;
    std::vector<job_details> details_;
    time_ms now_ = 0;
    view view_ = view::jobs;
    job_id job_;
    std::string selected_;  // key of a row
    std::map<view, std::size_t> sorted_by_;
    bool reversed_ = false;
    std::string filter_;
    bool editing_ = false;
    bool helps_ = false;
    bool frozen_ = false;
    bool ended_ = false;
    std::string message_;
    std::optional<top_order> unconfirmed_;
};

}  // namespace bistro
