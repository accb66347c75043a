#include <sstream>

#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "io/http/http_server.hpp"

namespace bistro {

http_tokens read_http_tokens(const std::string& path) {
    constexpr std::size_t shortest = 16;
    const auto text = read_private_file(path);
    if (text.empty()) throw io_error{path + ": there are no tokens in it; write lines like \"read TOKEN\""};
    http_tokens result;
    std::istringstream lines{text};
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        std::istringstream words{line};
        std::string role, token, more;
        if (!(words >> role) || role[0] == '#') continue;
        const auto where = path + ":" + std::to_string(number) + ": ";
        if ((role != "read" && role != "operate") || !(words >> token) || words >> more)
            throw io_error{where + "write \"read TOKEN\" or \"operate TOKEN\""};
        if (token.size() < shortest)
            throw io_error{where + "the token is too short; take at least 16 characters, as of `openssl rand -hex 32`"};
        result.emplace_back(role == "read" ? http_role::read : http_role::operate, token);
    }
    if (result.empty()) throw io_error{path + ": there are no tokens in it; write lines like \"read TOKEN\""};
    return result;
}

}  // namespace bistro
