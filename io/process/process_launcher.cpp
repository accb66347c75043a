#include "io/process/process_launcher.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/process/v2/environment.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>

#include "io/clock.hpp"
#include "io/error.hpp"
#include "io/process/line_splitter.hpp"
#include "io/process/spawn.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

namespace asio = boost::asio;
using descriptor = asio::posix::stream_descriptor;

std::string errno_text(int error) { return std::error_code{error, std::generic_category()}.message(); }

class launcher;

// A process from its start to its end. Lives on the loop's thread.
class child : public std::enable_shared_from_this<child> {
public:
    child(launcher& owner, process_id id, process_events events);

    void start(process_spec spec);
    void signal(int signal) const {
        if (pid_ > 0) ::kill(-pid_, signal);
    }
    void return_credit(std::size_t bytes);
    /// Ends the process without a word to anybody.
    void abandon();

private:
    struct stream {
        explicit stream(asio::io_context& context) : pipe{context} {}
        descriptor pipe;
        line_splitter splitter;
        bool paused = false;
    };

    bool make_pipes(spawn_request& request);
    void fail(std::string why);
    void wait_for_exit();
    void wait_for_status();
    void wait_for_output(log_stream which);
    // Reads what is there; false at the end of the stream.
    bool read_output(log_stream which, std::size_t most);
    void read_status();
    void exited();
    stream& of(log_stream which) { return which == log_stream::out ? out_ : err_; }

    launcher& owner_;
    process_id id_;
    process_events events_;
    pid_t pid_ = -1;
    descriptor exit_;
    descriptor status_;
    stream out_;
    stream err_;
    std::string status_text_;
    std::size_t in_flight_bytes_ = 0;
    std::array<int, 2> write_ends_{-1, -1};
    bool abandoned_ = false;  // its launcher is gone, or going
};

class launcher final : public process_launcher {
public:
    explicit launcher(io_loop& loop) : loop_{loop} {
        const char* runtime = std::getenv("XDG_RUNTIME_DIR");
        // Best where a file costs no disk.
        for (const std::string base : {runtime != nullptr ? runtime : "", "/dev/shm", "/tmp"}) {
            folder_ = base + "/bistro-XXXXXX";
            if (!base.empty() && ::mkdtemp(folder_.data()) != nullptr) break;
            folder_.clear();
        }
        if (folder_.empty()) throw errno_error("can't make a folder for status pipes in /tmp");
        null_fd_ = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd_ < 0) throw errno_error("can't open /dev/null");
        for (char** entry = environ; *entry != nullptr; ++entry)
            if (!std::string_view{*entry}.starts_with("BISTRO_")) environment_.emplace_back(*entry);
    }

    void stop() override {
        std::promise<void> done;
        loop_.post([&] {
            stopped_ = true;
            for (auto& [id, c] : children_) c->abandon();
            children_.clear();
            done.set_value();
        });
        done.get_future().wait();
    }

    ~launcher() override {
        stop();
        ::close(null_fd_);
        std::error_code ec;
        std::filesystem::remove_all(folder_, ec);
    }

    std::string status_path(process_id id) const override { return folder_ + "/" + std::to_string(id); }

    void launch(process_id id, process_spec spec, process_events events) override {
        loop_.post([this, id, spec = std::move(spec), events = std::move(events)]() mutable {
            if (stopped_) return;
            auto c = std::make_shared<child>(*this, id, std::move(events));
            children_[id] = c;
            c->start(std::move(spec));
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
    [[nodiscard]] const std::vector<std::string>& environment() const { return environment_; }
    [[nodiscard]] std::array<char, 65'536>& buffer() { return buffer_; }
    void remove(process_id id) {
        ::unlink(status_path(id).c_str());
        children_.erase(id);
    }

private:
    io_loop& loop_;
    std::string folder_;
    int null_fd_ = -1;
    bool stopped_ = false;
    std::vector<std::string> environment_;
    std::array<char, 65'536> buffer_{};  // shared by all reads: they are never under way at the same time
    boost::unordered_flat_map<process_id, std::shared_ptr<child>> children_;
};

child::child(launcher& owner, process_id id, process_events events)
    : owner_{owner},
      id_{id},
      events_{std::move(events)},
      exit_{owner.context()},
      status_{owner.context()},
      out_{owner.context()},
      err_{owner.context()} {}

bool child::make_pipes(spawn_request& request) {
    request.stdin_fd = owner_.null_fd();
    for (auto which : {log_stream::out, log_stream::err}) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        of(which).pipe.assign(ends[0]);
        write_ends_[which == log_stream::out ? 0 : 1] = ends[1];
    }
    request.stdout_fd = write_ends_[0];
    request.stderr_fd = write_ends_[1];
    const auto path = owner_.status_path(id_);
    if (::mkfifo(path.c_str(), 0600) != 0) return false;
    const int fd = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return false;
    status_.assign(fd);
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
    request.working_directory = std::move(spec.working_directory);
    std::error_code ec;
    std::filesystem::create_directories(request.working_directory, ec);
    for (const auto& entry : owner_.environment()) request.environment.push_back(entry.c_str());
    for (const auto& entry : spec.environment) request.environment.push_back(entry.c_str());
    request.environment.push_back(nullptr);
    const bool ready = make_pipes(request);
    const int pipe_error = errno;
    const auto result = ready ? spawn(request) : spawn_result{-1, pipe_error, "pipe"};
    for (int& fd : write_ends_)
        if (fd >= 0) ::close(std::exchange(fd, -1));
    if (result.pid < 0) {
        if (std::string_view{result.step} == "chdir")
            return fail("can't enter the working directory " + quote(request.working_directory) + ": " +
                        errno_text(result.error));
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
    wait_for_status();
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
    for (auto* d : {&exit_, &status_, &out_.pipe, &err_.pipe}) {
        boost::system::error_code ec;
        d->close(ec);  // what waits on it ends, and does not come back here
    }
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

void child::wait_for_exit() {
    exit_.async_wait(descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& ec) {
        if (!ec && !self->abandoned_) self->exited();
    });
}

void child::wait_for_status() {
    status_.async_wait(descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& ec) {
        if (ec || self->abandoned_) return;
        self->read_status();
        self->wait_for_status();
    });
}

void child::wait_for_output(log_stream which) {
    of(which).pipe.async_wait(descriptor::wait_read,
                              [self = shared_from_this(), which](const boost::system::error_code& ec) {
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
        const auto n = ::read(s.pipe.native_handle(), buffer.data(), buffer.size());
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

void child::read_status() {
    auto& buffer = owner_.buffer();
    for (;;) {
        const auto n = ::read(status_.native_handle(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        const auto room = max_status_line_bytes - status_text_.size();
        status_text_.append(buffer.data(), std::min(room, static_cast<std::size_t>(n)));
    }
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
    read_status();
    process_outcome outcome;
    if (WIFSIGNALED(wait_status))
        outcome.signal = WTERMSIG(wait_status);
    else
        outcome.exit_code = WEXITSTATUS(wait_status);
    outcome.status_text = std::move(status_text_);
    // First things first: somebody waits for the slot.
    if (events_.on_end) events_.on_end(std::move(outcome));
    out_.pipe.close();
    err_.pipe.close();
    status_.close();
    exit_.close();
    owner_.remove(id_);
}

}  // namespace

std::unique_ptr<process_launcher> make_process_launcher(io_loop& loop) { return std::make_unique<launcher>(loop); }

}  // namespace bistro
