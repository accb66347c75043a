#include "io/event_log.hpp"

#include <boost/json.hpp>
#include <cstdlib>

#include <fstream>

#include "io/error.hpp"
#include "model/text.hpp"

namespace bistro {

namespace {

// Names may be any bytes; JSON may not.
std::string json_text(const std::string& text) { return boost::json::serialize(boost::json::string{valid_utf8(text)}); }

int keep_open(std::FILE* file) { return std::fflush(file); }

}  // namespace

std::string to_json_line(const event& e) {
    char time[32];
    std::snprintf(time, sizeof time, "%lld.%03lld", static_cast<long long>(e.at_ms / 1000),
                  static_cast<long long>(e.at_ms % 1000));
    std::string line = "{\"seq\":" + std::to_string(e.seq) + ",\"time\":" + time + ",\"event\":\"";
    line += to_string(e.kind);
    line += '"';
    auto field = [&](const char* name, const std::string& value) {
        if (!value.empty()) line += std::string{",\""} + name + "\":" + json_text(value);
    };
    field("job", e.job.value);
    field("node", e.node.value);
    field("worker", e.worker);
    if (e.invocation.valid()) field("invocation", to_string(e.invocation));
    if (e.kind == event_kind::start) {
        line += ",\"path\":[";
        for (const auto& node : e.path) line += (&node == e.path.data() ? "" : ",") + json_text(node);
        line += ']';
    }
    if (e.kind == event_kind::finish) {
        field("result", std::string{to_string(e.result)});
        if (e.signal != 0)
            line += ",\"signal\":" + std::to_string(e.signal);
        else
            line += ",\"exit_code\":" + std::to_string(e.exit_code);
    }
    if (e.kind == event_kind::nodes_changed) line += ",\"nodes\":" + std::to_string(e.count);
    return line + "}";
}

namespace {

bool ends_within_a_line(const std::string& path) {
    std::ifstream file{path, std::ios::binary | std::ios::ate};
    if (!file || file.tellg() <= 0) return false;
    file.seekg(-1, std::ios::end);
    return file.get() != '\n';
}

}  // namespace

event_log::event_log(const std::string& path, bool append)
    : path_{path},
      file_{path == "-" ? stdout : std::fopen(path.c_str(), append ? "ae" : "we"),
            path == "-" ? keep_open : std::fclose} {
    if (!file_) throw errno_error("can't write the event log " + path);
    // A line that a crash has cut short ends here.
    if (append && path != "-" && ends_within_a_line(path)) std::fputc('\n', file_.get());
}

void event_log::write(const event& e) {
    const auto line = to_json_line(e) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size())
        throw errno_error("can't write the event log " + path_);
}

void event_log::flush() {
    if (std::fflush(file_.get()) != 0) throw errno_error("can't write the event log " + path_);
}

}  // namespace bistro
