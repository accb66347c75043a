// Messages in words, for whoever looks at them.
#pragma once

#include <caf/type_erased_tuple.hpp>
#include <string>
#include <typeinfo>

#include "actors/console/census.hpp"

namespace bistro {

/// The type of what comes first in a message; of `void` where it is empty.
const std::type_info& type_of(const caf::type_erased_tuple& message);

/// As it stands in the source, without the namespace.
std::string name_of(const std::type_info& type);

/// "job nightly", "scheduler".
std::string named(const actor_record& record);

time_ms wall_time();

/// One line: its type, and what it carries as far as that can be said. Shortened. Secrets are left out.
std::string text_of(const caf::type_erased_tuple& message);

/// What the message is to the task that is followed; empty: nothing.
std::string traced_text(census& actors, const actor_record& receiver, const caf::type_erased_tuple& message);

}  // namespace bistro
