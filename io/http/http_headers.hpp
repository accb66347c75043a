// What the server reads out of the headers of a request. Pure.
#pragma once

#include <string_view>

namespace bistro {

/// True where a Host header names this host by its loopback: localhost, 127.x.y.z or [::1], with or without a port. Any
/// other name may be one that a page's owner has led here.
bool is_loopback_name(std::string_view host);

/// True where an If-None-Match header lists the tag (which has its quotes), or is "*". Weak tags count as well (RFC
/// 9110, section 13.1.2).
bool lists_etag(std::string_view if_none_match, std::string_view etag);

/// The token of an Authorization header of the Bearer scheme; empty where it is of another. The scheme's case does not
/// matter.
std::string_view bearer_token(std::string_view authorization);

}  // namespace bistro
