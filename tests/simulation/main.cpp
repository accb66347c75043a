// Runs seeds of the simulation, or one of them event by event. See tests/simulation/README.md.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "tests/simulation/world.hpp"

int main(int argc, char** argv) {
    using namespace bistro::simulation;
    CLI::App app{"Simulates clusters with faults; one seed decides all."};
    std::string seeds = "1:500";
    options o;
    bool trace = false;
    std::string planted;
    app.add_option("--seeds", seeds, "FIRST:LAST")->capture_default_str();
    auto* seed = app.add_option("--seed", o.seed, "only this one");
    app.add_flag("--trace", trace, "with --seed: print every event");
    app.add_option("--plant", planted, "a mistake that must be found");
    app.add_option("--steps", o.steps, "with faults")->capture_default_str();
    app.add_option("--partitions", o.partitions, "of the forest; 0: by chance")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    bool known = planted.empty();
    for (int m = 0; m <= static_cast<int>(last_mutation); ++m)
        if (to_string(static_cast<mutation>(m)) == planted) {
            o.planted = static_cast<mutation>(m);
            known = true;
        }
    if (!known) return app.exit(CLI::ValidationError{"--plant takes a name of options.hpp"});
    spdlog::set_pattern("    [%l] %v");  // without the time: a seed prints the same again
    spdlog::set_level(trace ? spdlog::level::info : spdlog::level::off);

    auto first = o.seed;
    auto last = o.seed;
    if (seed->count() == 0) {
        const auto colon = seeds.find(':');
        if (colon == std::string::npos) return app.exit(CLI::ValidationError{"--seeds takes FIRST:LAST"});
        const auto numbers = "0123456789:";
        if (seeds.find_first_not_of(numbers) != std::string::npos || colon == 0 || colon + 1 == seeds.size())
            return app.exit(CLI::ValidationError{"--seeds takes FIRST:LAST"});
        first = std::stoull(seeds.substr(0, colon));
        last = std::stoull(seeds.substr(colon + 1));
        if (first > last) return app.exit(CLI::ValidationError{"--seeds takes FIRST:LAST"});
    }
    std::uint64_t steps = 0;
    for (o.seed = first; o.seed <= last; ++o.seed) {
        world w{o, trace ? &std::cout : nullptr};
        const auto failure = w.run();
        steps += w.steps();
        if (failure.empty()) continue;
        fmt::print("seed {}: {}\nrepeat it with: tests/simulation/run --seed {}{} --steps {} --trace\n", o.seed,
                   failure, o.seed, planted.empty() ? "" : " --plant " + planted, o.steps);
        return 1;
    }
    fmt::print("seeds {} to {}: all promises held, {} steps\n", first, last, steps);
    return 0;
}
