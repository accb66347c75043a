#include "io/process/process_launcher.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/process/v2/environment.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <future>

#include "io/clock.hpp"
#include "io/error.hpp"
#include "io/process/line_splitter.hpp"
#include "io/process/reaper.hpp"
#include "io/process/spawn.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

namespace asio = boost::asio;
using descriptor = asio::posix::stream_descriptor;

std::string errno_text(int error) { return std::error_code{error, std::generic_category()}.message(); }

class launcher;

// What a process writes is waited for from this time after its start on, or twice as long; what was written before is
// read then, or at its end. So a short process causes one wake-up, by its end, and not four.
constexpr std::chrono::milliseconds reading_delay{5};

// A descriptor that is watched once it is worth it.
class pipe_end {
public:
    explicit pipe_end(asio::io_context& context) : watched_{context} {}
    pipe_end(const pipe_end&) = delete;
    pipe_end& operator=(const pipe_end&) = delete;
    ~pipe_end() { close(); }

    void assign(int fd) { fd_ = fd; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] int fd() const { return fd_; }
    template <class Handler>
    void when_readable(Handler&& handler) {
        if (!watched_.is_open()) watched_.assign(fd_);
        watched_.async_wait(descriptor::wait_read, std::forward<Handler>(handler));
    }
    // What waits on it ends with an error.
    void close() {
        boost::system::error_code ec;
        if (watched_.is_open())
            watched_.close(ec);
        else if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
    }

private:
    int fd_ = -1;
    descriptor watched_;
};

// A process from its start to its end. Lives on the loop's thread.
class child : public std::enable_shared_from_this<child> {
public:
    child(launcher& owner, process_id id, process_events events);

    void start(process_spec spec);
    /// Waits for what the process writes, from now on.
    void watch_output();
    void signal(int signal) const {
        if (pid_ > 0) ::kill(-pid_, signal);
    }
    void return_credit(std::size_t bytes);
    /// Ends the process without a word to anybody.
    void abandon();

private:
    struct stream {
        explicit stream(asio::io_context& context) : pipe{context} {}
        pipe_end pipe;
        line_splitter splitter;
        bool paused = false;
    };

    bool make_pipes(spawn_request& request);
    void fail(std::string why);
    void wait_for_exit();
    void wait_for_output(log_stream which);
    // Reads what is there; false at the end of the stream.
    bool read_output(log_stream which, std::size_t most);
    [[nodiscard]] std::string take_status() const;
    void exited();
    stream& of(log_stream which) { return which == log_stream::out ? out_ : err_; }

    launcher& owner_;
    process_id id_;
    process_events events_;
    pid_t pid_ = -1;
    pipe_end exit_;
    stream out_;
    stream err_;
    std::size_t in_flight_bytes_ = 0;
    std::array<int, 2> write_ends_{-1, -1};
    bool abandoned_ = false;  // its launcher is gone, or going
};

class launcher final : public process_launcher {
public:
    explicit launcher(io_loop& loop) : loop_{loop} {
        const char* runtime = std::getenv("XDG_RUNTIME_DIR");
        const std::string random_part(6, 'X');  // filled in by mkdtemp
        // Best where a file costs no disk.
        for (const std::string base : {runtime != nullptr ? runtime : "", "/dev/shm", "/tmp"}) {
            folder_ = base + "/bistro-" + random_part;
            if (!base.empty() && ::mkdtemp(folder_.data()) != nullptr) break;
            folder_.clear();
        }
        if (folder_.empty()) throw errno_error("can't make a folder for status files in /tmp");
        folder_fd_ = ::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder_fd_ < 0) throw errno_error("can't open " + folder_);
        null_fd_ = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd_ < 0) throw errno_error("can't open /dev/null");
        reaper_ = std::make_unique<reaper>("BISTRO_STATUS=" + folder_ + "/", folder_);
        for (char** entry = environ; *entry != nullptr; ++entry)
            if (!std::string_view{*entry}.starts_with("BISTRO_")) environment_.emplace_back(*entry);
    }

    bool keep_alive(std::chrono::milliseconds time) override {
        not_after_ms_ = monotonic_ms() + time.count();
        return reaper_->renew(not_after_ms_);
    }
    [[nodiscard]] std::int64_t not_after_ms() const { return not_after_ms_; }

    void stop() override {
        std::promise<void> done;
        loop_.post([&] {
            stopped_ = true;
            for (auto& [id, c] : children_) c->abandon();
            children_.clear();
            young_.clear();
            young_timer_.cancel();
            loop_.post([&] { done.set_value(); });  // behind what was posted until now and refers to this
        });
        done.get_future().wait();
    }

    ~launcher() override {
        stop();
        ::close(null_fd_);
        ::close(folder_fd_);
        std::error_code ec;
        std::filesystem::remove_all(folder_, ec);
    }

    std::string status_path(process_id id) const override { return folder_ + "/" + std::to_string(id); }

    void launch(process_id id, process_spec spec, process_events events) override {
        if (loop_.on_its_thread()) return launch_here(id, std::move(spec), std::move(events));
        loop_.post([this, id, spec = std::move(spec), events = std::move(events)]() mutable {
            launch_here(id, std::move(spec), std::move(events));
        });
    }

    void signal(process_id id, int signal) override {
        loop_.post([this, id, signal] {
            if (auto found = children_.find(id); found != children_.end()) found->second->signal(signal);
        });
    }

    void return_credit(process_id id, std::size_t bytes) override {
        loop_.post([this, id, bytes] {
            if (auto found = children_.find(id); found != children_.end()) found->second->return_credit(bytes);
        });
    }

    [[nodiscard]] asio::io_context& context() { return loop_.context(); }
    [[nodiscard]] int null_fd() const { return null_fd_; }
    [[nodiscard]] int folder_fd() const { return folder_fd_; }
    [[nodiscard]] const std::vector<std::string>& environment() const { return environment_; }
    [[nodiscard]] std::array<char, 65'536>& buffer() { return buffer_; }
    void remove(process_id id) { children_.erase(id); }

private:
    void launch_here(process_id id, process_spec spec, process_events events) {
        if (stopped_) return;
        auto c = std::make_shared<child>(*this, id, std::move(events));
        children_[id] = c;
        c->start(std::move(spec));
        young_.emplace_back(std::chrono::steady_clock::now() + reading_delay, std::move(c));
        if (young_.size() == 1) wait_for_young();
    }

    // One waking for all that grow old meanwhile, so that many short processes cause no more of them than a few do.
    void wait_for_young() {
        young_timer_.expires_after(reading_delay);
        young_timer_.async_wait([this](const boost::system::error_code& ec) {
            if (ec) return;
            const auto now = std::chrono::steady_clock::now();
            for (; !young_.empty() && young_.front().first <= now; young_.pop_front())
                if (auto c = young_.front().second.lock()) c->watch_output();
            if (!young_.empty()) wait_for_young();
        });
    }

    io_loop& loop_;
    // Those whose output is not watched yet, by the time when it will be.
    std::deque<std::pair<std::chrono::steady_clock::time_point, std::weak_ptr<child>>> young_;
    asio::steady_timer young_timer_{loop_.context()};
    std::string folder_;
    std::unique_ptr<reaper> reaper_;
    int folder_fd_ = -1;  // of the status files
    int null_fd_ = -1;
    bool stopped_ = false;
    std::atomic<std::int64_t> not_after_ms_ = 0;  // by CLOCK_MONOTONIC; 0: no deadline
    std::vector<std::string> environment_;
    std::array<char, 65'536> buffer_{};  // shared by all reads: they are never under way at the same time
    boost::unordered_flat_map<process_id, std::shared_ptr<child>> children_;
};

child::child(launcher& owner, process_id id, process_events events)
    : owner_{owner},
      id_{id},
      events_{std::move(events)},
      exit_{owner.context()},
      out_{owner.context()},
      err_{owner.context()} {}

bool child::make_pipes(spawn_request& request) {
    request.stdin_fd = owner_.null_fd();
    for (auto which : {log_stream::out, log_stream::err}) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);  // of this end only: a task expects its own to block
        of(which).pipe.assign(ends[0]);
        write_ends_[which == log_stream::out ? 0 : 1] = ends[1];
    }
    request.stdout_fd = write_ends_[0];
    request.stderr_fd = write_ends_[1];
    return true;
}

void child::start(process_spec spec) {
    spawn_request request;
    request.executable = spec.argv.front();
    if (request.executable.find('/') == std::string::npos)
        request.executable = boost::process::v2::environment::find_executable(request.executable).string();
    if (request.executable.empty())
        return fail("can't run " + quote(spec.argv.front()) + ": there is no such program in $PATH");
    request.argv = std::move(spec.argv);
    out_.splitter = line_splitter{spec.raw_output};
    request.working_directory = std::move(spec.working_directory);
    request.environment.reserve(owner_.environment().size() + spec.environment.size() + 1);
    for (const auto& entry : owner_.environment()) request.environment.push_back(entry.c_str());
    for (const auto& entry : spec.environment) request.environment.push_back(entry.c_str());
    request.environment.push_back(nullptr);
    request.not_after_ms = owner_.not_after_ms();
    const bool ready = make_pipes(request);
    const int pipe_error = errno;
    auto result = ready ? spawn(request) : spawn_result{-1, pipe_error, "pipe"};
    if (result.pid < 0 && result.error == ENOENT && std::string_view{result.step} == "chdir") {
        std::error_code ec;
        std::filesystem::create_directories(request.working_directory, ec);
        result = spawn(request);
    }
    for (int& fd : write_ends_)
        if (fd >= 0) ::close(std::exchange(fd, -1));
    if (result.pid < 0) {
        if (std::string_view{result.step} == "chdir")
            return fail("can't enter the working directory " + quote(request.working_directory) + ": " +
                        errno_text(result.error));
        if (result.error == ETIME)
            return fail("was not started: the scheduler has not been heard for so long that it may run elsewhere");
        const bool too_long = result.error == E2BIG;
        return fail(
            "can't run " + quote(request.executable) + ": " + errno_text(result.error) +
            (too_long ? " (the job's config, the node's name or the previous status is too large for a process)" : ""));
    }
    pid_ = result.pid;
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (pidfd < 0) {
        const int error = errno;
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        return fail("can't watch the process: " + errno_text(error));
    }
    exit_.assign(pidfd);
    wait_for_exit();
}

void child::watch_output() {
    if (pid_ <= 0) return;
    wait_for_output(log_stream::out);
    wait_for_output(log_stream::err);
}

void child::fail(std::string why) {
    auto self = shared_from_this();
    owner_.remove(id_);
    process_outcome outcome;
    outcome.exit_code = 127;
    outcome.failure = std::move(why);
    if (events_.on_end) events_.on_end(std::move(outcome));
}

void child::abandon() {
    abandoned_ = true;
    events_ = {};
    for (auto* end : {&exit_, &out_.pipe, &err_.pipe}) end->close();
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

void child::wait_for_exit() {
    exit_.when_readable([self = shared_from_this()](const boost::system::error_code& ec) {
        if (!ec && !self->abandoned_) self->exited();
    });
}

void child::wait_for_output(log_stream which) {
    of(which).pipe.when_readable([self = shared_from_this(), which](const boost::system::error_code& ec) {
        constexpr std::size_t most = 1 << 18;  // then others get their turn
        if (ec || self->abandoned_ || !self->read_output(which, most)) return;
        if (self->in_flight_bytes_ >= max_output_in_flight_bytes) {
            self->of(which).paused = true;
        } else {
            self->wait_for_output(which);
        }
    });
}

bool child::read_output(log_stream which, std::size_t most) {
    auto& s = of(which);
    auto& buffer = owner_.buffer();
    std::vector<std::string> lines;
    bool open = true;
    for (std::size_t total = 0; total < most;) {
        const auto n = ::read(s.pipe.fd(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        open = n > 0 || (n < 0 && errno == EAGAIN);
        if (n <= 0) break;
        total += static_cast<std::size_t>(n);
        s.splitter.feed({buffer.data(), static_cast<std::size_t>(n)}, lines);
    }
    if (!open) s.splitter.finish(lines);
    if (lines.empty()) return open;
    std::vector<output_line> output;
    const auto now = wall_clock_ms();
    for (auto& line : lines) {
        in_flight_bytes_ += line.size() + 1;
        output.push_back({which, now, std::move(line)});
    }
    if (events_.on_output) events_.on_output(std::move(output));
    return open;
}

void child::return_credit(std::size_t bytes) {
    in_flight_bytes_ -= std::min(bytes, in_flight_bytes_);
    if (in_flight_bytes_ >= max_output_in_flight_bytes) return;
    for (auto which : {log_stream::out, log_stream::err})
        if (std::exchange(of(which).paused, false)) wait_for_output(which);
}

// Most tasks write none; then this is one failing call.
std::string child::take_status() const {
    const auto name = std::to_string(id_);
    const int fd = ::openat(owner_.folder_fd(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) ::unlinkat(owner_.folder_fd(), name.c_str(), 0);
        return {};
    }
    std::string text(max_status_line_bytes, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto n = ::read(fd, text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        size += static_cast<std::size_t>(n);
    }
    ::close(fd);
    ::unlinkat(owner_.folder_fd(), name.c_str(), 0);
    text.resize(size);
    return text;
}

void child::exited() {
    auto self = shared_from_this();
    // Before the leader is reaped its group can't be anybody else's, so whatever it left behind is ended now.
    ::kill(-pid_, SIGKILL);
    int wait_status = 0;
    while (::waitpid(pid_, &wait_status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    constexpr std::size_t pipe_capacity = 1 << 20;
    for (auto which : {log_stream::out, log_stream::err})
        if (of(which).pipe.is_open()) {
            if (read_output(which, pipe_capacity)) {
                std::vector<std::string> rest;
                of(which).splitter.finish(rest);
                if (!rest.empty() && events_.on_output)
                    events_.on_output({output_line{which, wall_clock_ms(), std::move(rest.front())}});
            }
        }
    process_outcome outcome;
    if (WIFSIGNALED(wait_status))
        outcome.signal = WTERMSIG(wait_status);
    else
        outcome.exit_code = WEXITSTATUS(wait_status);
    outcome.status_text = take_status();
    // First things first: somebody waits for the slot.
    if (events_.on_end) events_.on_end(std::move(outcome));
    out_.pipe.close();
    err_.pipe.close();
    exit_.close();
    owner_.remove(id_);
}

}  // namespace

std::unique_ptr<process_launcher> make_process_launcher(io_loop& loop) { return std::make_unique<launcher>(loop); }

}  // namespace bistro
