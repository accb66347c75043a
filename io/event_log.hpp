// The event log: one JSON object a line, in order.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "model/event.hpp"

namespace bistro {

/// One line, without its end: {"seq":1,"time":12.345,"event":"start",...}. Time is seconds.
std::string to_json_line(const event& e);

/// Appends events to a file ("-" is stdout).
class event_log {
public:
    /// Starts the file anew, unless `append`. Throws io_error.
    explicit event_log(const std::string& path, bool append = false);
    /// Throws io_error where the file can't take it.
    void write(const event& e);
    void flush();

private:
    std::string path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace bistro
