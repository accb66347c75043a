// Any bytes as a config: it is loaded, or what is wrong with it is told at its place.
#include "config/settings.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace bistro {

FUZZ(text) {
    for (const auto purpose : {config_purpose::scheduler, config_purpose::worker}) {
        const auto loaded = parse_config(text, "f.toml", purpose);
        must(loaded.config.has_value() == loaded.errors.empty(), "a config or errors");
        for (const auto& e : loaded.errors)
            must(!e.message.empty() && e.file == "f.toml", "an error says what and where");
    }
}

}  // namespace bistro
