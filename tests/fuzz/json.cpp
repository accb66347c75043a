// Any bytes as a config of the original: what is written is a config, or what is wrong is told at its place.
#include "config/json_import.hpp"
#include "config/settings.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace bistro {

FUZZ(text) {
    const auto imported = import_json(text, "f.json", {"/bin/true"});
    for (const auto& e : imported.errors)
        must(!e.message.empty() && e.file == "f.json", "an error says what and where");
    if (imported.errors.empty())
        must(parse_config(imported.toml, "f.toml").config.has_value(), "what it writes is valid");
}

}  // namespace bistro
