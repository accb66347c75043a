// The processes of the system: which actors they host, and how they begin and end.
#pragma once

#include <caf/actor_system.hpp>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "actors/network.hpp"
#include "actors/protocol/interfaces.hpp"
#include "actors/runtime.hpp"
#include "config/submissions.hpp"
#include "io/data_dir.hpp"
#include "io/http/http_server.hpp"
#include "io/io_loop.hpp"
#include "io/process/process_launcher.hpp"
#include "io/terminal/progress_view.hpp"

namespace bistro {

/// What the main thread of a process waits for.
struct main_event {
    enum class kind : std::uint8_t { signal, quiescent, worker_ended, stop_asked, output_failed };
    kind what = kind::signal;
    int signal = 0;
    int error = 0;  ///< errno, of output
    run_finished finished;
    std::string reason;
    bool all_taken = true;  ///< of a worker that ended: its results
};

/// A mailbox for the main thread.
class main_events {
public:
    void push(main_event e);
    main_event wait();
    std::optional<main_event> wait_for(std::chrono::milliseconds time);

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<main_event> events_;
};

/// Turns SIGINT, SIGTERM and SIGHUP into main_events while it lives.
class signal_listener {
public:
    signal_listener(io_loop& loop, main_events& events);
    ~signal_listener();
    signal_listener(const signal_listener&) = delete;
    signal_listener& operator=(const signal_listener&) = delete;

private:
    struct state;
    std::shared_ptr<state> state_;
    io_loop& loop_;
};

struct scheduler_process_options {
    std::shared_ptr<const settings> config;
    bool clean = false;               ///< forget all statuses first
    bool in_memory = false;           ///< keep nothing on disk
    bool statuses_in_memory = false;  ///< the same, but for what clients and workers find it by
    bool insecure = false;
    bool listen = true;
    bool console = true;                   ///< it can be looked into
    bool submissions = false;              ///< jobs may be submitted and paused, which is kept in the data directory
    std::string events_path;               ///< empty: no event log
    bool append_events = false;            ///< to what an earlier life has written
    std::function<void(settings&)> amend;  ///< what the command line changes in each config that is read
    std::function<void(const log_line&)> echo;
};

/// A scheduler and all that belongs to it, with or without a worker in the same process.
class scheduler_process {
public:
    /// Throws io_error where it can't begin.
    scheduler_process(scheduler_process_options options, main_events& events);
    /// Ends everything, without waiting for tasks: see stop().
    ~scheduler_process();
    scheduler_process(const scheduler_process&) = delete;
    scheduler_process& operator=(const scheduler_process&) = delete;

    void start_local_worker();
    void watch(std::shared_ptr<progress_view> view);
    /// Pushes a main_event when all is at rest.
    void tell_when_quiescent();
    /// Stops starting, ends what runs, and makes all durable. Returns early on a further signal.
    void stop();
    /// All that has happened is in the event log, where there is one. False: it could not be written.
    [[nodiscard]] bool flush_events();
    [[nodiscard]] endpoint listens_on() const { return bound_; }
    /// Port 0 where no HTTP is served.
    [[nodiscard]] endpoint serves_http_on() const { return http_bound_; }
    [[nodiscard]] io_loop& loop() { return *loop_; }
    /// Attempts at the tasks of a job; see status_store.
    [[nodiscard]] std::vector<attempt> attempts(const job_id& job, std::size_t limit);

private:
    void shut_down();
    void open_stores();
    void load_submissions();
    void spawn_actors();
    void listen();
    void serve_http();

    scheduler_process_options options_;
    main_events& events_;
    std::shared_ptr<const settings> config_;
    runtime run_ = live_runtime();
    std::unique_ptr<data_dir> folder_;
    submissions submitted_;
    std::unique_ptr<io_loop> loop_;
    std::unique_ptr<process_launcher> launcher_;
    std::unique_ptr<status_store> statuses_;
    std::unique_ptr<log_store> log_lines_;
    std::uint64_t epoch_ = 0;
    std::vector<worker_instance> known_workers_;
    std::string secret_;
    std::uint64_t cluster_ = 0;
    std::unique_ptr<system_config> system_config_;
    std::unique_ptr<caf::actor_system> system_;
    monitor_actor monitor_;
    status_store_actor store_;
    log_store_actor logs_;
    scheduler_actor scheduler_;
    console_actor console_;
    gateway_actor gateway_;
    config_watcher_actor watcher_;
    worker_actor worker_;
    progress_actor progress_;
    http_actor http_;
    std::unique_ptr<http_server> http_server_;
    endpoint bound_;
    endpoint http_bound_;
    std::unique_ptr<address_file> address_;
};

/// A worker, on its own.
class worker_process {
public:
    /// `find` gives the scheduler's address; without a console it can't be looked into. Throws io_error where it can't
    /// begin.
    worker_process(const worker_settings& settings, std::string shard, address_finder find, main_events& events,
                   bool console);
    ~worker_process();
    worker_process(const worker_process&) = delete;
    worker_process& operator=(const worker_process&) = delete;

    void stop();
    [[nodiscard]] io_loop& loop() { return *loop_; }

private:
    runtime run_ = live_runtime();
    std::unique_ptr<data_dir> folder_;
    std::unique_ptr<io_loop> loop_;
    std::unique_ptr<process_launcher> launcher_;
    std::unique_ptr<system_config> system_config_;
    std::unique_ptr<caf::actor_system> system_;
    monitor_actor monitor_;
    log_store_actor logs_;
    connector_actor connector_;
    console_actor console_;
    worker_actor worker_;
};

/// The worker's resources where nobody said what it has: the cores it may use, as "cpu".
worker_instance local_instance(const std::string& shard, const amounts& declared, bool local);

}  // namespace bistro
