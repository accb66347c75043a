// One thread that waits for everything outside: processes, pipes, files, signals.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <thread>

namespace bistro {

class io_loop {
public:
    io_loop();
    io_loop(const io_loop&) = delete;
    io_loop& operator=(const io_loop&) = delete;
    /// Ends the thread; what it waited for is forgotten.
    ~io_loop();

    [[nodiscard]] bool on_its_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
    [[nodiscard]] boost::asio::io_context& context() { return context_; }
    template <class F>
    void post(F&& f) {
        boost::asio::post(context_, std::forward<F>(f));
    }

private:
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

}  // namespace bistro
