// What changes of the nodes cost where some are busy and the rest waits: to find them among all that is declared, to
// make the forest that comes of them, and until the engine has followed, in milliseconds; and how many tasks start and
// finish a second then, in batches. Two levels, 25 databases a host, as in two_levels.hpp; with two hosts a database,
// and with wrong declarations that stay.
// Usage: bench_node_changes [LEAVES JOBS [HOSTS_A_DATABASE [WRONG]]]   default: 3000000 10 1 0
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/two_levels.hpp"

namespace bistro::bench {
namespace {

struct setting {
    std::size_t leaves = 3'000'000;
    std::size_t jobs = 10;
    std::size_t hosts_a_database = 1;
    std::size_t wrong = 0;

    [[nodiscard]] std::size_t hosts() const { return std::max<std::size_t>(leaves / databases_a_host, 1); }
};

class changing_nodes {
public:
    explicit changing_nodes(const setting& what) : what_{what} {
        for (std::size_t h = 0; h < what.hosts(); ++h) declared_.push_back({host(h), "host", {}, {}, true, false});
        for (std::size_t i = 0; i < what.leaves; ++i) add_database("db" + std::to_string(i), i / databases_a_host);
        for (std::size_t i = 0; i < what.wrong; ++i) declared_.push_back(declared_[what.hosts() + i]);
        nodes_ = build_forest({"host", "db"}, declared_).nodes;
        set_up(core_, 1'000'000'000);
        core_.set_forest(nodes_);
        const auto tasks = all_leaves(*nodes_);
        for (std::size_t j = 0; j < what.jobs; ++j) core_.add_pending(core_.put_job(make_job(j)), tasks);
        fill(core_, running_);
    }

    void add_databases(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            add_database("new" + std::to_string(i), i * std::max<std::size_t>(what_.hosts() / count, 1));
        measure("databases more");
    }
    // Where each other one has one, it is the first with two.
    void add_replica() {
        node_decl d{"replica", "db", {host(0), host(what_.hosts() / 2)}, {}, true, false};
        declared_.push_back(std::move(d));
        measure("a replica more");
    }
    void disable_host() {
        declared_[what_.hosts() / 2].enabled = false;
        measure("a host disabled");
    }
    // Its databases are wrong then.
    void remove_host() {
        declared_.erase(declared_.begin());
        measure("a host gone");
    }

private:
    static std::string host(std::size_t number) { return "host" + std::to_string(number); }

    void add_database(std::string name, std::size_t number) {
        node_decl d{std::move(name), "db", {}, {}, true, false};
        for (std::size_t h = 0; h < what_.hosts_a_database; ++h)
            d.parents.push_back(host((number + h) % what_.hosts()));
        declared_.push_back(std::move(d));
    }

    void measure(const char* text) {
        const std::vector<std::span<const node_decl>> all{declared_};
        auto begin = steady::now();
        const auto found = find_changes(*nodes_, all, false);
        const auto find_s = seconds_since(begin);
        if (!found) {
            std::printf("| %s | takes a build |\n", text);
            return;
        }
        begin = steady::now();
        const auto after = change_forest(nodes_, found->changes, nodes_->version() + 1);
        const auto change_s = seconds_since(begin);
        begin = steady::now();
        core_.set_forest(after);
        for (const auto& d : core_.start(1)) running_.push_back(d.invocation);
        const auto engine_s = seconds_since(begin);
        nodes_ = after;
        begin = steady::now();
        const auto done = static_cast<double>(cycle(core_, running_, random_, batch_size, cycles));
        std::printf("| %-15s | %6.1f | %6.1f | %6.1f | %9.0f |\n", text, find_s * 1e3, change_s * 1e3, engine_s * 1e3,
                    done / seconds_since(begin));
        std::fflush(stdout);
    }

    static constexpr std::size_t cycles = 500'000;

    setting what_;
    std::vector<node_decl> declared_;
    forest_ptr nodes_;
    engine core_{{}, invocation_id::first_of_epoch(1)};
    std::vector<invocation_id> running_;
    std::mt19937_64 random_{1};
};

}  // namespace
}  // namespace bistro::bench

int main(int argc, char** argv) {
    bistro::bench::setting what;
    std::size_t* const numbers[] = {&what.leaves, &what.jobs, &what.hosts_a_database, &what.wrong};
    for (int i = 1; i < argc && i <= 4; ++i) *numbers[i - 1] = std::strtoull(argv[i], nullptr, 10);
    bistro::bench::changing_nodes nodes{what};
    std::printf("| change | found | forest | engine | cycles a second |\n| --- | --- | --- | --- | --- |\n");
    nodes.add_databases(1000);
    nodes.add_replica();
    nodes.disable_host();
    nodes.remove_host();
}
