#include "io/process/line_splitter.hpp"

#include <algorithm>

#include "model/text.hpp"

namespace bistro {

void line_splitter::take(std::string_view part) {
    const auto room = (raw_ ? max_raw_line_bytes : max_line_bytes) - partial_.size();
    partial_ += part.substr(0, room);
    if (part.size() > room) dropped_ += part.size() - room;
}

void line_splitter::emit(std::vector<std::string>& lines) {
    auto line = raw_ ? partial_ : valid_utf8(partial_);
    // A raw line has no room for words: it is over max_raw_line_bytes long, which tells that it was cut.
    if (dropped_ > 0 && raw_) line += "\n";
    if (dropped_ > 0 && !raw_) line += " [... " + std::to_string(dropped_) + " bytes cut]";
    lines.push_back(std::move(line));
    partial_.clear();
    dropped_ = 0;
}

void line_splitter::feed(std::string_view bytes, std::vector<std::string>& lines) {
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        take(bytes.substr(0, end));
        if (end == std::string_view::npos) return;
        emit(lines);
        bytes.remove_prefix(end + 1);
    }
}

void line_splitter::finish(std::vector<std::string>& lines) {
    if (!partial_.empty() || dropped_ > 0) emit(lines);
}

}  // namespace bistro
