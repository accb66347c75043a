#include "io/io_loop.hpp"

#include <pthread.h>

#include <csignal>

namespace bistro {

io_loop::io_loop() : context_{1}, work_{context_.get_executor()} {
    thread_ = std::thread{[this] {
        sigset_t all;
        sigfillset(&all);
        // A child's parent is the thread that started it. Blocked there, its SIGCHLD would be kept, and wake another
        // thread for nothing; so it is simply ignored.
        sigdelset(&all, SIGCHLD);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        pthread_setname_np(pthread_self(), "bistro.io");
        context_.run();
    }};
}

io_loop::~io_loop() {
    context_.stop();
    thread_.join();
}

}  // namespace bistro
