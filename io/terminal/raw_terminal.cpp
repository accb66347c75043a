#include "io/terminal/raw_terminal.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>

#include "io/error.hpp"
#include "io/terminal/terminal.hpp"

namespace bistro {

namespace {

constexpr const char* alternate_screen = "\033[?1049h\033[?25l";
constexpr const char* normal_screen = "\033[?25h\033[?1049l";
// What follows an escape comes with it; a person who presses the key alone is slower.
constexpr std::chrono::milliseconds rest_of_escape{25};

constexpr int end_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
struct sigaction actions_before[std::size(end_signals)];
termios terminal_before;  // for the handler

// Whatever the program waits for, the terminal is given back at once, and the signal does then what it always does.
// Only what a handler may call.
void give_back_and_end(int signal) {
    static_cast<void>(!::write(STDOUT_FILENO, normal_screen, std::char_traits<char>::length(normal_screen)));
    ::signal(SIGTTOU, SIG_IGN);  // which would stop it in the background
    ::tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
    ::raise(signal);
}

void write_out(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace

raw_terminal::raw_terminal() {
    if (!has_cursor(stdout) || ::tcgetattr(STDIN_FILENO, &before_) != 0)
        throw io_error{"this needs a terminal on stdin and stdout"};
    auto raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // the shell would be left with a terminal like this
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    terminal_before = before_;
    struct sigaction action {};
    action.sa_handler = give_back_and_end;
    action.sa_flags = SA_RESETHAND;
    for (std::size_t i = 0; i < std::size(end_signals); ++i) ::sigaction(end_signals[i], &action, &actions_before[i]);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    write_out(alternate_screen);
}

raw_terminal::~raw_terminal() {
    write_out(normal_screen);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    for (std::size_t i = 0; i < std::size(end_signals); ++i) ::sigaction(end_signals[i], &actions_before[i], nullptr);
}

bool raw_terminal::readable(std::chrono::milliseconds patience) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    const int count = ::poll(&in, 1, static_cast<int>(patience.count()));
    return count > 0;
}

int raw_terminal::read_byte() {
    unsigned char byte = 0;
    const auto got = ::read(STDIN_FILENO, &byte, 1);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) gone_ = true;
    return got == 1 ? byte : -1;
}

std::string raw_terminal::read_escape() {
    static const std::map<std::string, std::string> names{
        {"[A", "up"},         {"[B", "down"}, {"OA", "up"},  {"OB", "down"},  {"[5~", "page up"},
        {"[6~", "page down"}, {"[H", "home"}, {"[F", "end"}, {"[1~", "home"}, {"[4~", "end"}};
    std::string sequence;
    constexpr std::size_t longest = 8;
    while (sequence.size() < longest && readable(rest_of_escape)) {
        const int byte = read_byte();
        if (byte < 0) break;
        sequence += static_cast<char>(byte);
        if (const auto known = names.find(sequence); known != names.end()) return known->second;
        const bool begins = sequence == "[" || sequence == "O";
        if (!begins && ((byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '~')) return {};
    }
    return sequence.empty() ? "escape" : "";
}

std::string raw_terminal::key(std::chrono::milliseconds patience) {
    if (!readable(patience)) return {};
    const int first = read_byte();
    if (first < 0) return {};
    switch (first) {
        case '\033': return read_escape();
        case '\r':
        case '\n': return "enter";
        case '\t': return "tab";
        case '\b':
        case 127: return "backspace";
        default: break;
    }
    std::string result(1, static_cast<char>(first));
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    for (int i = 0; i < more && readable(rest_of_escape); ++i)
        if (const int byte = read_byte(); byte >= 0) result += static_cast<char>(byte);
    return result;
}

void raw_terminal::show(const std::vector<std::string>& lines) {
    const auto height = terminal_height(stdout);
    std::string all = "\033[H";
    for (std::size_t i = 0; i < lines.size() && i < height; ++i) {
        if (i > 0) all += "\r\n";
        all += lines[i] + "\033[K";
    }
    all += "\033[J";
    write_out(all);
}

}  // namespace bistro
