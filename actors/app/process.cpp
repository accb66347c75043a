#include "actors/app/process.hpp"

#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <caf/all.hpp>
#include <csignal>

#include "actors/config_watcher.hpp"
#include "actors/console/console_actor.hpp"
#include "actors/console/observed.hpp"
#include "actors/gateway.hpp"
#include "actors/http/http_actor.hpp"
#include "actors/log_store.hpp"
#include "actors/monitor.hpp"
#include "actors/program_log.hpp"
#include "actors/progress.hpp"
#include "actors/scheduler.hpp"
#include "actors/status_store.hpp"
#include "actors/worker.hpp"
#include "io/error.hpp"
#include "io/host.hpp"
#include "io/terminal/terminal.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

constexpr const char* submissions_file = "submissions.json";
constexpr std::size_t longest_logged_request = 200;  // columns

// What failed is told, and that something was refused; the rest to whoever wants to see it. Lines that many requests
// lead to have the same words, so that they are counted. No query: somebody may have put a secret there.
void log_request(const http_served& r) {
    auto& log = log_of(log_part::http);
    const auto asked = [&] {
        if (!r.target.starts_with('/')) return std::string{"a request without a path"};
        const auto end = std::min({r.target.find('?'), r.target.find(';'), r.target.find("%3")});  // of a "?", too
        return shortened(printable(r.method + " " + r.target.substr(0, end)), longest_logged_request);
    };
    const bool is_probe = r.target == "/readyz";  // to which "not ready" is an answer
    if (r.status == 401 || r.status == 403)
        log.info("a request was refused ({}); with the level debug, its path is told too", r.status);
    else if (r.status >= 500 && !is_probe)
        log.warn("{} was answered with {}", asked(), r.status);
    if (log.should_log(spdlog::level::debug))
        log.debug("{} was answered with {} after {} us", asked(), r.status, r.took.count());
}

}  // namespace

// -- main_events ------------------------------------------------------------------------------------------------------

void main_events::push(main_event e) {
    const std::lock_guard lock{mutex_};
    events_.push_back(std::move(e));
    changed_.notify_one();
}

main_event main_events::wait() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return !events_.empty(); });
    auto e = std::move(events_.front());
    events_.pop_front();
    return e;
}

std::optional<main_event> main_events::wait_for(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, time, [&] { return !events_.empty(); })) return std::nullopt;
    auto e = std::move(events_.front());
    events_.pop_front();
    return e;
}

struct signal_listener::state : std::enable_shared_from_this<state> {
    state(boost::asio::io_context& context, main_events& e) : signals{context, SIGINT, SIGTERM, SIGHUP}, events{e} {}
    void wait() {
        signals.async_wait([self = shared_from_this()](const boost::system::error_code& ec, int signal) {
            if (ec) return;
            main_event e;
            e.signal = signal;
            self->events.push(std::move(e));
            self->wait();
        });
    }
    boost::asio::signal_set signals;
    main_events& events;
};

signal_listener::signal_listener(io_loop& loop, main_events& events)
    : state_{std::make_shared<state>(loop.context(), events)}, loop_{loop} {
    loop_.post([s = state_] { s->wait(); });
}

signal_listener::~signal_listener() {
    loop_.post([s = state_] { s->signals.cancel(); });
}

worker_instance local_instance(const std::string& shard, const amounts& declared, bool local) {
    worker_instance who;
    who.info.host = host_name();
    who.info.shard = shard_name{shard.empty() ? who.info.host : shard};
    who.info.declared = declared;
    who.instance = random_number();
    who.pid = ::getpid();
    who.local = local;
    return who;
}

// -- scheduler_process ------------------------------------------------------------------------------------------------

scheduler_process::scheduler_process(scheduler_process_options options, main_events& events)
    : options_{std::move(options)}, events_{events}, config_{options_.config} {
    if (auto problem = listen_problem(config_->network.listen, config_->network.tls, options_.insecure);
        options_.listen && !problem.empty())
        throw io_error{problem};
    if (auto problem = http_problem(config_->network.http, options_.insecure); options_.listen && !problem.empty())
        throw io_error{problem};
    if (!options_.console) run_.actors = nullptr;
    open_stores();
    loop_ = std::make_unique<io_loop>();
    launcher_ = make_process_launcher(*loop_);
    try {
        spawn_actors();
        if (options_.listen) listen();
        if (options_.listen && config_->network.http) serve_http();
    } catch (...) {
        shut_down();
        throw;
    }
}

void scheduler_process::open_stores() {
    if (!options_.in_memory) folder_ = std::make_unique<data_dir>(config_->data_dir, "scheduler");
    if (!folder_ || options_.statuses_in_memory) {
        statuses_ = make_memory_status_store(config_->history.attempts);
        log_lines_ = make_memory_log_store(config_->history.log_lines);
    } else {
        statuses_ = open_sqlite_status_store(folder_->file("statuses.sqlite"), config_->history.attempts);
        log_lines_ = open_sqlite_log_store(folder_->file("logs.sqlite"), config_->history.log_lines);
        if (options_.clean) {
            statuses_->clear();
            log_lines_->clear();
        }
    }
    if (!folder_) {
        secret_ = random_secret();
    } else {
        const auto own_secret = folder_->file("secret");
        if (config_->network.secret_file.empty() && read_private_file(own_secret).empty())
            write_private_file(own_secret, random_secret());
        secret_ = read_secret(config_->network.secret_file.empty() ? own_secret : config_->network.secret_file);
    }
    if (options_.submissions) load_submissions();
    cluster_ = statuses_->cluster();
    epoch_ = statuses_->begin_epoch();
    known_workers_ = statuses_->workers();
}

void scheduler_process::load_submissions() {
    const auto path = folder_->file(submissions_file);
    try {
        submitted_ = parse_submissions(read_private_file(path));
    } catch (const io_error&) {
        throw;
    } catch (const std::runtime_error& e) {
        throw io_error{path + " " + e.what()};
    }
    auto config = *config_;
    for (const auto& name : apply(submitted_, config))
        log_of(log_part::config)
            .warn("job {} is in the config, and was submitted too: the config counts", quote(name.value));
    config_ = std::make_shared<const settings>(std::move(config));
}

void scheduler_process::spawn_actors() {
    std::shared_ptr<event_log> log;
    if (!options_.events_path.empty()) log = std::make_shared<event_log>(options_.events_path, options_.append_events);
    system_config_ = std::make_unique<system_config>(config_->network.tls);
    system_config_->run_on(*loop_);
    system_ = std::make_unique<caf::actor_system>(*system_config_);
    // What blocks gets a thread of its own; without files there is nothing to block on.
    monitor_ = log ? spawn_observed<caf::detached>(*system_, run_, monitor_behavior, log)
                   : spawn_observed(*system_, run_, monitor_behavior, log);
    logs_ = spawn_observed<caf::detached>(
        *system_, run_, log_store_behavior,
        std::make_shared<log_store_options>(log_store_options{std::move(log_lines_), options_.echo}), monitor_);
    auto statuses = std::make_shared<std::unique_ptr<status_store>>(std::move(statuses_));
    store_ = options_.in_memory || options_.statuses_in_memory
                 ? spawn_observed(*system_, run_, status_store_behavior, statuses)
                 : spawn_observed<caf::detached>(*system_, run_, status_store_behavior, statuses);
    scheduler_options options;
    options.config = config_;
    options.first_invocation = invocation_id::first_of_epoch(epoch_);
    options.known_workers = known_workers_;
    options.secret = secret_;
    options.cluster = cluster_;
    options.keep_events = log != nullptr || (options_.listen && config_->network.http);
    options.store = store_;
    options.logs = logs_;
    options.monitor = monitor_;
    options.tools = {launcher_.get(), loop_.get(), true};
    options.on_stop_asked = [&events = events_] {
        main_event e;
        e.what = main_event::kind::stop_asked;
        events.push(std::move(e));
    };
    options.run = run_;
    scheduler_ = spawn_guarded(*system_, run_, scheduler_behavior, std::move(options));
    if (run_.actors) console_ = spawn_observed<caf::detached>(*system_, run_, console_behavior, scheduler_, run_);
    gateway_ = spawn_guarded(*system_, run_, gateway_behavior, secret_, cluster_, scheduler_, console_);
    if (!config_->file.empty())
        watcher_ = spawn_observed(
            *system_, run_, config_watcher_behavior,
            config_watcher_options{config_, options_.submissions ? folder_->file(submissions_file) : std::string{},
                                   submitted_, options_.amend},
            scheduler_, loop_.get());
}

void scheduler_process::listen() {
    const auto result = publish_gateway(*system_, gateway_, secret_, config_->network.listen);
    if (!result.error.empty()) throw io_error{result.error};
    bound_ = {config_->network.listen.host, result.port};
    if (folder_)
        address_ = std::make_unique<address_file>(folder_->path(),
                                                  scheduler_address{bound_.host, bound_.port, secret_, ::getpid()});
}

void scheduler_process::serve_http() {
    const auto& http = *config_->network.http;
    http_server_options options;
    options.host = http.listen.host;
    options.port = http.listen.port;
    if (!http.token_file.empty()) options.tokens = read_http_tokens(http.token_file);
    options.certificate = http.certificate;
    options.key = http.key;
    if (!options.key.empty()) read_private_file(options.key);
    http_ = spawn_observed<caf::detached>(*system_, run_, http_behavior,
                                          http_options{scheduler_, store_, monitor_, console_, secret_, run_});
    caf::anon_send(monitor_, watch_progress{caf::actor_cast<caf::strong_actor_ptr>(http_)});
    options.on_served = log_request;
    http_server_ = std::make_unique<http_server>(std::move(options), [http = http_](std::shared_ptr<http_exchange> e) {
        caf::anon_send(http, http_asked{std::move(e)});
    });
    http_bound_ = {http.listen.host, http_server_->port()};
}

void scheduler_process::start_local_worker() {
    worker_options options;
    options.who = local_instance(config_->worker.shard, config_->worker.resources, true);
    options.data_dir = config_->data_dir;
    options.logs = logs_;
    options.launcher = launcher_.get();
    options.first_session = random_number() >> 1;
    options.run = run_;
    worker_ = spawn_guarded(*system_, run_, worker_behavior, std::move(options));
    caf::anon_send(worker_, gateway_found{caf::actor_cast<caf::strong_actor_ptr>(gateway_), secret_});
}

void scheduler_process::watch(std::shared_ptr<progress_view> view) {
    // On a thread of its own: a terminal may block.
    progress_ = spawn_observed<caf::detached>(*system_, run_, progress_behavior, std::move(view), run_);
    caf::anon_send(monitor_, watch_progress{caf::actor_cast<caf::strong_actor_ptr>(progress_)});
}

void scheduler_process::tell_when_quiescent() {
    auto ask = [&events = events_](caf::event_based_actor* self, const scheduler_actor& scheduler) {
        self->request(scheduler, caf::infinite, await_quiescence{})
            .then(
                [&events](const run_finished& m) {
                    main_event e;
                    e.what = main_event::kind::quiescent;
                    e.finished = m;
                    events.push(std::move(e));
                },
                [](const caf::error&) {});
    };
    system_->spawn(ask, scheduler_);
}

void scheduler_process::stop() {
    auto ask = [&events = events_](caf::event_based_actor* self, const scheduler_actor& scheduler) {
        auto done = [&events] {
            main_event e;
            e.what = main_event::kind::quiescent;
            events.push(std::move(e));
        };
        self->request(scheduler, caf::infinite, stop_scheduler{})
            .then([=](const stopped&) { done(); }, [=](const caf::error&) { done(); });
    };
    system_->spawn(ask, scheduler_);
    for (;;) {
        const auto e = events_.wait();
        if (e.what == main_event::kind::quiescent || e.what == main_event::kind::signal) break;
    }
}

std::vector<attempt> scheduler_process::attempts(const job_id& job, std::size_t limit) {
    std::vector<attempt> result;
    caf::scoped_actor self{*system_};
    self->request(store_, local_request_timeout, attempts_asked{job, {}, limit})
        .receive([&](attempts_answer& answer) { result = std::move(answer.attempts); }, [](const caf::error&) {});
    return result;
}

scheduler_process::~scheduler_process() { shut_down(); }

bool scheduler_process::flush_events() {
    bool written = true;
    if (!monitor_) return written;
    caf::scoped_actor self{*system_};
    self->request(monitor_, local_request_timeout, flush_monitor{})
        .receive([](const recorded&) {}, [&](const caf::error&) { written = false; });
    return written;
}

void scheduler_process::shut_down() {
    address_.reset();
    http_server_.reset();
    if (!system_) return;
    *run_.ending = true;
    static_cast<void>(flush_events());
    {
        caf::scoped_actor self{*system_};
        for (const auto& actor : {caf::actor_cast<caf::actor>(worker_), caf::actor_cast<caf::actor>(progress_),
                                  caf::actor_cast<caf::actor>(watcher_), caf::actor_cast<caf::actor>(gateway_),
                                  caf::actor_cast<caf::actor>(scheduler_)})
            if (actor) self->send_exit(actor, caf::exit_reason::user_shutdown);
    }
    launcher_->stop();  // with what it still runs go the last reasons to live of task actors
    for (const auto& actor : {caf::actor_cast<caf::actor>(http_), caf::actor_cast<caf::actor>(console_),
                              caf::actor_cast<caf::actor>(store_), caf::actor_cast<caf::actor>(logs_),
                              caf::actor_cast<caf::actor>(monitor_)})
        if (actor) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    destroy(worker_);
    destroy(progress_);
    destroy(http_);
    destroy(console_);
    destroy(watcher_);
    destroy(gateway_);
    destroy(scheduler_);
    destroy(store_);
    destroy(logs_);
    destroy(monitor_);
    system_.reset();
}

// -- worker_process ---------------------------------------------------------------------------------------------------

worker_process::worker_process(const worker_settings& settings, std::string shard, address_finder find,
                               main_events& events, bool console) {
    if (!console) run_.actors = nullptr;
    folder_ = std::make_unique<data_dir>(settings.data_dir, "worker");
    auto lines = open_sqlite_log_store(folder_->file("logs.sqlite"), settings.log_lines);
    loop_ = std::make_unique<io_loop>();
    launcher_ = make_process_launcher(*loop_);
    system_config_ = std::make_unique<system_config>(settings.tls);
    system_config_->run_on(*loop_);
    system_ = std::make_unique<caf::actor_system>(*system_config_);
    monitor_ = spawn_observed<caf::detached>(*system_, run_, monitor_behavior, std::shared_ptr<event_log>{});
    logs_ = spawn_observed<caf::detached>(*system_, run_, log_store_behavior,
                                          std::make_shared<log_store_options>(log_store_options{std::move(lines), {}}),
                                          monitor_);
    connector_ = spawn_observed(*system_, run_, connector_behavior, std::move(find), settings.tls.has_value());
    worker_options options;
    options.who = local_instance(shard, settings.resources, false);
    options.data_dir = folder_->path();
    options.logs = logs_;
    options.launcher = launcher_.get();
    options.first_session = random_number() >> 1;
    options.connector = caf::actor_cast<caf::strong_actor_ptr>(connector_);
    if (run_.actors)
        console_ = spawn_observed<caf::detached>(*system_, run_, console_behavior, scheduler_actor{}, run_);
    options.console = caf::actor_cast<caf::strong_actor_ptr>(console_);
    options.on_end = [&events](std::string reason, bool all_taken) {
        main_event e;
        e.what = main_event::kind::worker_ended;
        e.reason = std::move(reason);
        e.all_taken = all_taken;
        events.push(std::move(e));
    };
    options.run = run_;
    worker_ = spawn_guarded(*system_, run_, worker_behavior, std::move(options));
}

void worker_process::stop() { caf::anon_send(worker_, stop_worker{}); }

worker_process::~worker_process() {
    *run_.ending = true;
    for (const auto& actor : {caf::actor_cast<caf::actor>(worker_), caf::actor_cast<caf::actor>(connector_)})
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    launcher_->stop();
    for (const auto& actor : {caf::actor_cast<caf::actor>(console_), caf::actor_cast<caf::actor>(logs_),
                              caf::actor_cast<caf::actor>(monitor_)})
        if (actor) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    destroy(worker_);
    destroy(connector_);
    destroy(console_);
    destroy(logs_);
    destroy(monitor_);
    system_.reset();
}

}  // namespace bistro
