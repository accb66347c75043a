#include "io/http/http_headers.hpp"

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/beast/core/string.hpp>
#include <string>

namespace bistro {

namespace {

bool is_port(std::string_view text) {
    constexpr std::size_t most_digits = 5;
    return !text.empty() && text.size() <= most_digits &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The name in front of a colon and a port; empty where what is behind it is no port.
std::string_view without_port(std::string_view host) {
    const auto colon = host.find(':');
    if (colon == std::string_view::npos) return host;
    return is_port(host.substr(colon + 1)) ? host.substr(0, colon) : std::string_view{};
}

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

bool is_loopback_name(std::string_view host) {
    constexpr std::string_view v6 = "[::1]";
    if (host.starts_with(v6)) {
        host.remove_prefix(v6.size());
        return host.empty() || (host.front() == ':' && is_port(host.substr(1)));
    }
    const auto name = without_port(host);
    if (boost::beast::iequals({name.data(), name.size()}, "localhost")) return true;
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address_v4(std::string{name}, ec);
    return !ec && address.is_loopback();
}

bool lists_etag(std::string_view if_none_match, std::string_view etag) {
    while (!if_none_match.empty()) {
        auto tag = trimmed(if_none_match.substr(0, if_none_match.find(',')));
        if (tag == "*") return true;
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag == etag) return true;
        const auto comma = if_none_match.find(',');
        if_none_match = comma == std::string_view::npos ? std::string_view{} : if_none_match.substr(comma + 1);
    }
    return false;
}

std::string_view bearer_token(std::string_view authorization) {
    constexpr std::string_view scheme = "Bearer ";
    const auto given = authorization.substr(0, scheme.size());
    if (!boost::beast::iequals({given.data(), given.size()}, {scheme.data(), scheme.size()})) return {};
    return trimmed(authorization.substr(scheme.size()));
}

}  // namespace bistro
