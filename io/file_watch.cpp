#include "io/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <map>

#include "io/error.hpp"

namespace bistro {

struct file_watch::state : std::enable_shared_from_this<state> {
    state(boost::asio::io_context& context, int fd, std::multimap<int, std::string> n, std::function<void(bool)> f)
        : descriptor{context, fd}, names{std::move(n)}, on_change{std::move(f)} {}

    void wait() {
        descriptor.async_read_some(boost::asio::buffer(buffer),
                                   [self = shared_from_this()](const boost::system::error_code& ec, std::size_t n) {
                                       if (ec) return;
                                       self->look_at(n);
                                       self->wait();
                                   });
    }

    void look_at(std::size_t n) const {
        bool changed = false;
        bool whole = false;
        for (std::size_t at = 0; at + sizeof(inotify_event) <= n;) {
            inotify_event e{};
            std::copy_n(buffer.data() + at, sizeof e, reinterpret_cast<char*>(&e));
            const char* file = buffer.data() + at + sizeof e;
            if ((e.mask & IN_Q_OVERFLOW) != 0) changed = true;  // who knows what
            const auto [first, last] = names.equal_range(e.wd);
            if (e.len > 0 && std::any_of(first, last, [&](const auto& name) { return name.second == file; })) {
                changed = true;
                whole = whole || (e.mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
            }
            at += sizeof e + e.len;
        }
        if (changed) on_change(whole);
    }

    boost::asio::posix::stream_descriptor descriptor;
    std::multimap<int, std::string> names;  // by watched folder
    std::function<void(bool)> on_change;
    std::array<char, 4096> buffer{};
};

file_watch::file_watch(io_loop& loop, const std::string& path, std::function<void(bool)> on_change) : loop_{loop} {
    const auto absolute = std::filesystem::absolute(path);
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) throw errno_error("can't watch " + path);
    std::multimap<int, std::string> names;
    std::error_code ec;
    auto target = std::filesystem::canonical(absolute, ec);  // the file itself, where the path is a link
    for (const auto& file : {absolute, ec ? absolute : target}) {
        constexpr std::uint32_t changes = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE;
        const int folder = ::inotify_add_watch(fd, file.parent_path().c_str(), changes);
        if (folder < 0) {
            auto error = errno_error("can't watch " + file.parent_path().string());
            ::close(fd);
            throw error;
        }
        names.emplace(folder, file.filename().string());
    }
    state_ = std::make_shared<state>(loop.context(), fd, std::move(names), std::move(on_change));
    loop.post([s = state_] { s->wait(); });
}

file_watch::~file_watch() {
    loop_.post([s = state_] { s->descriptor.close(); });
}

}  // namespace bistro
