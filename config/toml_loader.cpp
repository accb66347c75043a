#include "config/toml_loader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "model/text.hpp"
#include "model/worker_registry.hpp"

namespace bistro {

namespace {

constexpr std::int64_t max_history_days = 36'500;
constexpr std::int64_t max_history_records = std::int64_t{1} << 40;
constexpr std::int64_t max_ms = std::int64_t{1} << 40;

void load_history(toml_reader& scheduler, load_context& c) {
    const auto* table = scheduler.subtable("history");
    if (table == nullptr) return;
    toml_reader r{*table, "scheduler.history", c.sink};
    auto& history = c.config.history;
    if (auto days = r.integer("days", 1, max_history_days))
        history.attempts.max_age_ms = history.log_lines.max_age_ms = *days * history_settings::ms_per_day;
    for (auto [key, keep] : {std::pair{"attempts", &history.attempts}, {"log_lines", &history.log_lines}})
        if (auto count = r.integer(key, 0, max_history_records)) keep->max_count = static_cast<std::uint64_t>(*count);
    c.config.worker.log_lines = history.log_lines;
    r.finish();
}

void load_data_dir(toml_reader& r, load_context& c, std::string& data_dir) {
    const auto dir = r.string("data_dir");
    if (!dir) return;
    if (dir->empty()) return r.error("data_dir", "\"data_dir\" is empty; name a folder, or leave it out");
    data_dir = c.resolve(*dir);
}

// What names resources of workers.
void check_worker_resources(const toml::node& at, const amounts& named, load_context& c) {
    std::vector<std::string> known;
    for (const auto& def : c.config.resources.of(worker_level)) known.push_back(def.name);
    for (const auto& [resource, amount] : named)
        if (std::find(known.begin(), known.end(), resource) == known.end())
            c.sink.add(at, quote(resource) + " is no resource of the worker level; there " +
                               (known.empty() ? "is none in [resources.worker]" : "are " + join(known, ", ")));
}

void load_scheduler(toml_reader& top, load_context& c) {
    auto& jobs = c.config.job_defaults;
    jobs.backoff.delays_s.assign(std::begin(defaults::backoff_s), std::end(defaults::backoff_s));
    jobs.backoff.then = backoff_policy::ending::repeat;
    if (!c.config.levels.empty()) jobs.level = c.config.levels.back();
    const auto* table = top.subtable("scheduler");
    c.config.data_dir = c.resolve(defaults::data_dir);
    if (table == nullptr) return;
    toml_reader r{*table, "scheduler", c.sink};
    if (auto p = r.word("policy", parse_policy_kind,
                        {"round_robin", "randomized_priority", "ranked_priority", "long_tail", "fair"}))
        c.config.engine.policy = *p;
    load_data_dir(r, c, c.config.data_dir);
    if (auto level = r.string("level_for_tasks"); level && c.check_level(r.at("level_for_tasks"), *level, true, false))
        jobs.level = *level;
    if (auto backoff = load_backoff(r, "backoff")) jobs.backoff = *backoff;
    if (auto enabled = r.boolean("enabled")) c.config.engine.enabled = *enabled;
    if (auto count = r.integer("partitions", 1, max_partitions))
        c.config.partitions = static_cast<std::uint32_t>(*count);
    if (auto seed = r.integer("random_seed", 0, std::numeric_limits<std::int64_t>::max()))
        c.config.engine.seed = static_cast<std::uint64_t>(*seed);
    jobs.kill_orphan_tasks_after_s = load_orphan_rule(r, std::nullopt);
    load_history(r, c);
    r.finish();
}

void load_resources(toml_reader& top, load_context& c) {
    const auto* table = top.subtable("resources");
    if (table == nullptr) return;
    std::map<std::string, std::string> level_of;
    for (const auto& [level, node] : in_file_order(*table)) {
        if (!c.check_level(*node, level, true, true)) continue;
        if (node->as_table() == nullptr) {
            c.sink.add(*node, "\"resources." + level + "\" must be a table of resources");
            continue;
        }
        for (const auto& [name, entry] : in_file_order(*node->as_table())) {
            const auto where = "resources." + level + "." + name;
            if (entry->as_table() == nullptr) {
                c.sink.add(*entry, "\"" + where + "\" must be a table like { limit = 2, default = 1 }");
                continue;
            }
            toml_reader r{*entry->as_table(), where, c.sink};
            resource_def def{name, 0, 0, 0};
            if (auto limit = r.integer("limit", 0, max_amount)) {
                def.limit = *limit;
            } else if (!r.has("limit")) {
                r.error("limit", "\"" + where + "\" needs a limit");
            }
            if (auto demand = r.integer("default", 0, max_amount)) def.default_demand = *demand;
            if (auto weight = r.integer("weight", 0, 1'000'000)) def.weight = *weight;
            r.finish();
            if (auto [other, is_new] = level_of.emplace(name, level); !is_new)
                c.sink.add(*entry, "resource " + quote(name) + " is already defined for level " + quote(other->second) +
                                       "; jobs ask for resources by name alone, so names are unique");
            c.config.resources.by_level[level].push_back(def);
        }
    }
}

void load_workers(toml_reader& top, load_context& c) {
    const auto* table = top.subtable("workers");
    if (table == nullptr) return;
    toml_reader r{*table, "workers", c.sink};
    if (auto selector = r.word("selector", parse_worker_selector, {"round_robin", "busiest"}))
        c.config.engine.selector = *selector;
    auto& l = c.config.liveness;
    for (auto [key, value] : {std::pair{"heartbeat_ms", &l.heartbeat_ms},
                              {"unhealthy_after_ms", &l.unhealthy_after_ms},
                              {"lost_after_ms", &l.lost_after_ms},
                              {"kill_ms", &l.kill_ms}})
        if (auto ms = r.integer(key, 1, max_ms)) *value = *ms;
    if (auto problem = l.problem(); !problem.empty()) r.error("lost_after_ms", problem);
    if (const auto* overrides = r.subtable("overrides")) {
        toml_reader entries{*overrides, "workers.overrides", c.sink};
        for (const auto& [worker, node] : *overrides) {
            auto limits = entries.integers(worker.str());
            if (!limits) continue;
            check_worker_resources(node, *limits, c);
            c.config.resources.worker_overrides[std::string{worker.str()}] = *limits;
        }
    }
    r.finish();
}

std::optional<tls_settings> load_tls(toml_reader& section, load_context& c) {
    const auto* table = section.subtable("tls");
    if (table == nullptr) return std::nullopt;
    toml_reader r{*table, section.where() + ".tls", c.sink};
    tls_settings tls;
    for (auto [key, value] : {std::pair{"ca", &tls.ca}, {"certificate", &tls.certificate}, {"key", &tls.key}}) {
        if (auto path = r.string(key)) {
            *value = c.resolve(*path);
        } else {
            r.error(key, "\"" + section.where() + ".tls\" needs the file of its " + key);
        }
    }
    r.finish();
    return tls;
}

std::optional<endpoint> load_endpoint(toml_reader& r, std::string_view key) {
    auto text = r.string(key);
    if (!text) return std::nullopt;
    auto e = parse_endpoint(*text);
    if (!e) r.error(key, quote(*text) + " is no address; write host:port, like 127.0.0.1:6789");
    return e;
}

void load_http(toml_reader& r, load_context& c) {
    auto& http = c.config.network.http;
    if (const auto listen = load_endpoint(r, "http")) http.emplace().listen = *listen;
    for (auto [key, part] : {std::pair{"http_token_file", &http_settings::token_file},
                             {"http_certificate", &http_settings::certificate},
                             {"http_key", &http_settings::key}}) {
        const auto path = r.string(key);
        if (!path) continue;
        if (http)
            (*http).*part = c.resolve(*path);
        else
            r.error(key, quote(key) + " says how HTTP is served, but \"http\" does not say where");
    }
    if (http && http->certificate.empty() != http->key.empty())
        r.error("http", "TLS for HTTP needs both \"http_certificate\" and \"http_key\"");
}

void load_network(toml_reader& top, load_context& c) {
    if (const auto* table = top.subtable("network")) {
        toml_reader r{*table, "network", c.sink};
        if (auto e = load_endpoint(r, "listen")) c.config.network.listen = *e;
        load_http(r, c);
        c.config.network.tls = load_tls(r, c);
        if (auto file = r.string("secret_file")) c.config.network.secret_file = c.resolve(*file);
        r.finish();
    }
    c.config.worker.data_dir = c.resolve(defaults::worker_data_dir);
    if (const auto* table = top.subtable("worker")) {
        toml_reader r{*table, "worker", c.sink};
        auto& w = c.config.worker;
        w.scheduler = load_endpoint(r, "scheduler");
        if (auto shard = r.string("shard")) {
            w.shard = *shard;
            if (auto problem = shard_name_problem(w.shard); !problem.empty())
                r.error("shard", quote(w.shard) + " can't name a worker: " + problem);
        }
        load_data_dir(r, c, w.data_dir);
        if (auto resources = r.integers("resources")) w.resources = *resources;
        // A worker's own config need not say which resources there are.
        if (top.has("resources")) check_worker_resources(r.at("resources"), w.resources, c);
        w.tls = load_tls(r, c);
        if (auto file = r.string("secret_file")) w.secret_file = c.resolve(*file);
        r.finish();
    }
}

void load_simulate(toml_reader& top, load_context& c) {
    const auto* table = top.subtable("simulate");
    if (table == nullptr) return;
    constexpr double max_seconds = 1e9;
    toml_reader r{*table, "simulate", c.sink};
    auto& s = c.config.simulation;
    if (const auto* duration = r.subtable("duration")) {
        toml_reader d{*duration, "simulate.duration", c.sink};
        if (auto kind = d.word("distribution", parse_duration_distribution, {"constant", "uniform", "exponential"}))
            s.duration.distribution = *kind;
        if (auto low = d.number("low_s", 0, max_seconds)) s.duration.low_s = *low;
        if (auto high = d.number("high_s", 0, max_seconds)) s.duration.high_s = *high;
        if (auto mean = d.number("mean_s", 0, max_seconds)) s.duration.mean_s = *mean;
        if (s.duration.low_s > s.duration.high_s) d.error("low_s", "\"low_s\" is above \"high_s\"");
        d.finish();
    }
    if (auto rate = r.number("error_rate", 0, 1)) s.error_rate = *rate;
    if (auto seed = r.integer("seed", 0, std::numeric_limits<std::int64_t>::max()))
        s.seed = static_cast<std::uint64_t>(*seed);
    if (const auto* workers = r.subtable("workers")) {
        toml_reader entries{*workers, "simulate.workers", c.sink};
        for (const auto& [name, node] : *workers)
            if (auto limits = entries.integers(name.str())) {
                check_worker_resources(node, *limits, c);
                s.workers[std::string{name.str()}] = *limits;
            }
    }
    r.finish();
}

void load_all(const toml::table& root, load_context& c, config_purpose purpose) {
    toml_reader top{root, "", c.sink};
    const auto errors = [&] { return c.sink.errors.size(); };
    const auto* nodes = top.subtable("nodes");
    if (nodes != nullptr) {
        toml_reader r{*nodes, "nodes", c.sink};
        load_nodes(r, c);
    } else if (purpose == config_purpose::scheduler && root.get("nodes") == nullptr) {
        c.sink.add(root, "there is no [nodes] section; it must name the levels and at least one source of nodes");
    }
    c.nodes_are_valid = errors() == 0;
    auto before = errors();
    load_scheduler(top, c);
    c.membership_is_valid = errors() == before;
    load_resources(top, c);
    load_workers(top, c);
    before = errors();
    load_network(top, c);
    c.membership_is_valid = c.membership_is_valid && errors() == before;
    load_simulate(top, c);
    const auto* jobs = top.subtable("jobs");
    if (jobs != nullptr) {
        load_jobs(*jobs, c);
        check_job_references(*jobs, c);
    }
    if (purpose == config_purpose::scheduler && (jobs != nullptr ? jobs->empty() : root.get("jobs") == nullptr))
        c.sink.add(jobs != nullptr ? *jobs : root,
                   "there is no job; add a section like [jobs.NAME] with an owner and a command");
    before = errors();
    top.finish();
    c.membership_is_valid = c.membership_is_valid && errors() == before;
}

}  // namespace

std::string load_context::resolve(const std::string& path) const {
    if (path.empty()) return path;
    return (std::filesystem::path{folder} / path).lexically_normal().string();
}

bool load_context::check_level(const toml::node& at, const std::string& level, bool with_instance, bool with_worker) {
    auto known = config.levels;
    if (with_instance) known.emplace_back(instance_level);
    if (with_worker) known.emplace_back(worker_level);
    if (std::find(known.begin(), known.end(), level) != known.end()) return true;
    std::string message = "there is no level " + quote(level);
    if (auto near = nearest(level, known); !near.empty()) {
        message += "; did you mean " + quote(near) + "?";
    } else {
        message += "; the levels are " + join(known, ", ");
    }
    sink.add(at, message);
    return false;
}

load_result parse_config(std::string_view text, const std::string& path, config_purpose purpose) {
    error_sink sink{path, {}};
    load_result result;
    settings config;
    config.file = path;
    try {
        const toml::table root = toml::parse(text, path);
        auto folder = std::filesystem::absolute(path).parent_path().string();
        load_context context{config, sink, std::move(folder)};
        load_all(root, context, purpose);
        result.nodes_are_valid = context.nodes_are_valid;
        result.membership_is_valid = context.membership_is_valid;
    } catch (const toml::parse_error& e) {
        sink.add(e.source().begin, std::string{e.description()});
    }
    std::stable_sort(sink.errors.begin(), sink.errors.end(), [](const diagnostic& a, const diagnostic& b) {
        return std::pair{a.line, a.column} < std::pair{b.line, b.column};
    });
    if (sink.errors.empty())
        result.config = std::move(config);
    else if (result.nodes_are_valid || result.membership_is_valid)
        result.so_far = std::move(config);
    result.errors = std::move(sink.errors);
    return result;
}

load_result load_config(const std::string& path, config_purpose purpose) {
    auto failed = [&](std::string message) { return load_result{{}, {{path, 0, 0, std::move(message)}}, {}}; };
    std::error_code ec;
    if (std::filesystem::is_directory(path, ec)) return failed("is a directory, not a config file");
    std::ifstream in{path, std::ios::binary};
    if (!in) return failed(std::string{"can't be read: "} + std::strerror(errno));
    std::string text;
    std::array<char, 65'536> chunk{};
    do {
        in.read(chunk.data(), chunk.size());
        text.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
    } while (in && text.size() <= static_cast<std::size_t>(defaults::max_config_bytes));
    if (in.bad()) return failed(std::string{"can't be read: "} + std::strerror(errno));
    if (text.size() > static_cast<std::size_t>(defaults::max_config_bytes))
        return failed("is larger than " + std::to_string(defaults::max_config_bytes >> 20) + " MiB");
    return parse_config(text, path, purpose);
}

std::optional<endpoint> parse_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return std::nullopt;
    endpoint e;
    e.host = host.empty() ? "127.0.0.1" : std::string{host};
    auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), e.port);
    if (ec != std::errc{} || end != port.data() + port.size() || port.empty()) return std::nullopt;
    return e;
}

// An address in full: what only begins like one may be a name, of any host.
bool is_loopback(const endpoint& e) {
    if (e.host == "localhost" || e.host == "::1") return true;
    if (!e.host.starts_with("127.")) return false;
    int dots = 0;
    int number = -1;
    for (const char c : e.host) {
        if (c == '.') {
            if (number < 0) return false;
            ++dots;
            number = -1;
        } else if (c >= '0' && c <= '9') {
            number = std::max(number, 0) * 10 + (c - '0');
            if (number > 255) return false;
        } else {
            return false;
        }
    }
    return dots == 3 && number >= 0;
}

std::string to_string(const endpoint& e) {
    const bool v6 = e.host.find(':') != std::string::npos;
    return (v6 ? "[" + e.host + "]" : e.host) + ":" + std::to_string(e.port);
}

}  // namespace bistro
