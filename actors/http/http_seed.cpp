// POST /: the queries of the seed system's monitoring interface, several in one request, each with a name.
#include <algorithm>
#include <boost/regex.hpp>
#include <set>

#include "actors/http/http_seed_query.hpp"

namespace bistro {

namespace json = boost::json;
using seed::batch;
using seed::query;

namespace {

constexpr std::size_t max_queries = 100;
constexpr std::uint64_t max_running_listed = 1'000'000;
constexpr std::size_t lines_a_page = 5000;

void jobs(const query& q) {
    q.ask_view([](const query& asked, const scheduler_view& view) {
        json::object all;
        const auto chosen = asked.chosen_jobs();
        for (const auto& job : view.jobs)
            if (chosen.has(job.name)) all[job.name.value] = job_config_json(job);
        asked.data(std::move(all));
    });
}

// Goes on where this request may still go through so many tasks of the jobs in question.
void with_rows_for(const query& q, std::uint64_t (*rows_of)(const task_counts&),
                   const std::function<void(const query&)>& go_on) {
    with_jobs(
        q.self,
        [=](const jobs_answer& jobs) {
            std::uint64_t rows = 0;
            const auto chosen = q.chosen_jobs();
            for (const auto& job : jobs.jobs)
                if (chosen.has(job.job)) rows += rows_of(job.counts);
            if (q.takes_rows(rows)) go_on(q);
        },
        [q](const caf::error& e) { q.error(text_of_error(e)); });
}

void list_running(const query& q, json::value (*of)(const task_row&, time_ms now)) {
    const auto take = [of](const query& asked, const tasks_answer& answer) {
        json::object all;
        const auto now = asked.self->state.options.run.now();
        const auto chosen = asked.chosen_jobs();
        for (const auto& row : answer.tasks) {
            if (!chosen.has(row.job)) continue;
            auto& nodes = all[row.job.value];
            if (!nodes.is_object()) nodes = json::object{};
            nodes.get_object()[json_text(row.node.value)] = of(row, now);
        }
        asked.data(std::move(all));
    };
    with_rows_for(
        q, [](const task_counts& c) { return c.running; },
        [take](const query& asked) {
            const auto& options = asked.self->state.options;
            asked.ask<tasks_answer>(options.scheduler,
                                    tasks_asked{options.secret, {}, "running", max_running_listed, {}, false}, take);
        });
}

void running_tasks(const query& q) {
    list_running(q, [](const task_row& row, time_ms) -> json::value {
        return json::object{{"start_time", row.started_ms / 1000}, {"worker_shard", json_text(row.worker)}};
    });
}

void job_node_runtime(const query& q) {
    list_running(q, [](const task_row& row, time_ms now) -> json::value { return (now - row.started_ms) / 1000; });
}

// An object of what `write` says of each level, between brackets; levels of which it says nothing are left out. As
// text: of millions of nodes, a tree of JSON values would take gigabytes.
template <class Write>
std::string levels_text(const forest& f, char open, char close, Write write) {
    std::string all = "{";
    for (std::uint32_t l = 0; l < f.levels().size(); ++l) {
        std::string text;
        write(level_index{l}, text);
        if (text.empty()) continue;
        if (all.size() > 1) all += ',';
        all += batch::quoted(f.levels()[l]) + ":" + open + text + close;
    }
    return all + "}";
}

void sorted_node_names(const query& q) {
    q.ask_view([](const query& asked, const scheduler_view& view) {
        if (!view.forest.nodes) return asked.data(json::object{});
        const auto& f = *view.forest.nodes;
        if (!asked.takes_rows(f.size())) return;
        asked.data_text(levels_text(f, '[', ']', [&](level_index level, std::string& text) {
            std::vector<std::string_view> names;
            for (std::uint32_t i = 0; i < f.size_of(level); ++i)
                names.push_back(f.name(node_index{f.first_of(level).value + i}));
            std::sort(names.begin(), names.end());
            for (const auto name : names) text += (text.empty() ? "" : ",") + batch::quoted(name);
        }));
    });
}

json::object resources_of(const std::vector<resource_def>& defs) {
    json::object resources;
    for (const auto& def : defs) {
        json::object r{{"default", def.default_demand}, {"limit", def.limit}};
        if (def.weight > 0) r["weight"] = def.weight;
        resources[def.name] = std::move(r);
    }
    return resources;
}

void nodes(const query& q) {
    const auto fields = q.texts("fields");
    for (const auto& field : fields)
        if (field != "resources" && field != "disabled") return q.error("there is no field " + quote(field));
    const auto has = [&](const char* field) {
        return fields.empty() || std::find(fields.begin(), fields.end(), field) != fields.end();
    };
    const bool with_resources = has("resources");
    const bool with_disabled = has("disabled");
    const auto list = q.texts("nodes");
    const std::set<std::string, std::less<>> wanted{list.begin(), list.end()};
    q.ask_view([=](const query& asked, const scheduler_view& view) {
        if (!view.forest.nodes) return asked.data(json::object{{"results", json::object{}}});
        const auto& f = *view.forest.nodes;
        if (!asked.takes_rows(wanted.empty() ? f.size() : wanted.size())) return;
        const auto levels = levels_text(f, '{', '}', [&](level_index level, std::string& text) {
            const auto resources = to_line(resources_of(view.config->resources.of(f.levels()[level.value])));
            const auto fields_of = [&](bool disabled) {
                std::string of_node = with_resources ? "\"resources\":" + resources : std::string{};
                if (disabled) of_node += (of_node.empty() ? "" : ",") + std::string{"\"disabled\":true"};
                return ":{" + of_node + "}";
            };
            const auto enabled = fields_of(false);
            const auto disabled = fields_of(with_disabled);
            const auto write = [&](node_index node) {
                text +=
                    (text.empty() ? "" : ",") + batch::quoted(f.name(node)) + (f.enabled(node) ? enabled : disabled);
            };
            if (wanted.empty())
                for (std::uint32_t i = 0; i < f.size_of(level); ++i) write(node_index{f.first_of(level).value + i});
            else
                for (const auto& name : wanted)
                    if (const auto node = f.find(name); node && f.level_of(*node) == level) write(*node);
        });
        asked.data_text("{\"results\":" + levels + "}");
    });
}

void ask_histograms(const query& q, const histograms_asked& question) {
    q.ask<histograms_answer>(
        q.self->state.options.scheduler, question, [](const query& asked, const histograms_answer& answer) {
            json::object histograms;
            json::object samples;
            for (const auto& job : answer.jobs) {
                json::object levels;
                json::object of_levels;
                for (const auto& [level, bins] : job.levels) {
                    json::object counts;
                    json::object names;
                    for (const auto& [bits, bin] : bins) {
                        counts[bits_text(bits)] = bin.count;
                        json::array list;
                        for (const auto& name : bin.samples) list.push_back(json_text(name));
                        names[bits_text(bits)] = std::move(list);
                    }
                    levels[level] = std::move(counts);
                    of_levels[level] = std::move(names);
                }
                histograms[job.job.value] = std::move(levels);
                samples[job.job.value] = std::move(of_levels);
            }
            asked.data(json::object{{"histograms", std::move(histograms)}, {"samples", std::move(samples)}});
        });
}

void histogram_query(const query& q) {
    constexpr std::int64_t max_samples = 1000;
    histograms_asked question;
    question.samples =
        static_cast<std::size_t>(std::clamp<std::int64_t>(q.number("num_samples").value_or(0), 0, max_samples));
    for (const auto& job : q.texts("jobs")) question.jobs.emplace_back(job);
    with_rows_for(
        q, [](const task_counts& c) { return c.total + c.excluded; },
        [question = std::move(question)](const query& asked) { ask_histograms(asked, question); });
}

// Ids of lines have the second that they are of in their upper half.
std::int64_t first_id_of(std::int64_t second) { return second << 32; }

void task_logs(const query& q) {
    const auto stream = parse_log_stream(q.needed_text("log_type"));
    if (!stream) return q.error("\"log_type\" must be \"stdout\", \"stderr\" or \"statuses\"");
    const auto sort = q.text("sort").empty() ? std::string{"desc"} : q.text("sort");
    if (sort != "asc" && sort != "desc") return q.error("\"sort\" must be \"asc\" or \"desc\"");
    const auto time = q.number("time");
    const auto line = q.number("line_id");
    if (time && line) return q.error("give \"time\" or \"line_id\", not both");
    constexpr std::int64_t latest_second = 0x7ffffffe;  // the next one has ids too
    constexpr auto last_id = std::numeric_limits<std::int64_t>::max();
    if ((time && (*time < 0 || *time > latest_second)) || (line && (*line < -1 || *line == last_id)))
        return q.error("\"time\" or \"line_id\" is out of range");
    boost::regex filter;
    try {
        filter.assign(q.text("regex_filter"));
    } catch (const boost::regex_error& e) {
        return q.error("\"regex_filter\" is no regular expression: " + std::string{e.what()});
    }
    const auto list = q.texts("nodes");
    const std::set<std::string> nodes_wanted{list.begin(), list.end()};
    const auto jobs_wanted = q.texts("jobs");
    const bool ascending = sort == "asc";
    // The first line in question, in the order asked for; 0: from the end.
    std::int64_t start = std::max<std::int64_t>(line.value_or(0), 0);
    if (time) start = ascending ? first_id_of(*time) : first_id_of(*time + 1) - 1;
    logs_asked question;
    question.secret = q.self->state.options.secret;
    if (jobs_wanted.size() == 1) question.query.job = job_id{jobs_wanted.front()};
    if (nodes_wanted.size() == 1) question.query.node = node_id{*nodes_wanted.begin()};
    question.query.any_stream = false;
    question.query.stream = *stream;
    question.query.limit = lines_a_page + 1;
    question.query.latest = !ascending;
    if (ascending) question.query.after_id = std::max<std::int64_t>(start - 1, 0);
    if (start > 0 && !ascending) question.query.before_id = start + 1;
    if (!q.takes_rows(lines_a_page)) return;
    q.ask<logs_answer>(
        q.self->state.options.scheduler, std::move(question), [=](const query& asked, const logs_answer& answer) {
            auto lines = answer.lines;
            if (!ascending) std::reverse(lines.begin(), lines.end());
            std::string next = "-1";
            if (lines.size() > lines_a_page) {
                next = std::to_string(lines[lines_a_page].id);
                lines.resize(lines_a_page);
            }
            json::array found;
            const auto chosen = asked.chosen_jobs();
            for (const auto& l : lines) {
                if (!chosen.has(l.job) || (!nodes_wanted.empty() && !nodes_wanted.contains(l.node.value))) continue;
                if (!filter.empty() && !boost::regex_search(l.text, filter)) continue;
                found.push_back(json::array{json_text(l.job.value), json_text(l.node.value), l.written_ms / 1000,
                                            json_text(l.text), std::to_string(l.id)});
            }
            asked.data(json::object{{"lines", std::move(found)}, {"next_line_id", next}});
        });
}

void errors(const query& q) {
    with_jobs(
        q.self,
        [q](const jobs_answer& answer) {
            json::object all;
            for (const auto& [source, text] : answer.problems) all[source] = json_text(text);
            q.data(std::move(all));
        },
        [q](const caf::error& e) { q.error(text_of_error(e)); });
}

void refresh_time(const query& q) {
    q.ask_view([](const query& asked, const scheduler_view& view) { asked.data(view.forest_ms / 1000); });
}

void forgive_jobs(const query& q) {
    q.ask_view([](const query& asked, const scheduler_view& view) {
        const auto& options = asked.self->state.options;
        const auto chosen = asked.chosen_jobs();
        for (const auto& job : view.jobs) {
            if (!chosen.has(job.name)) continue;
            asked.ask<control_answer>(options.scheduler,
                                      control_asked{options.secret, control_verb::forgive, job.name, {}},
                                      [](const query& each, const control_answer& answer) {
                                          forget_jobs(each.self);
                                          if (!answer.ok) each.error(answer.text);
                                      });
        }
        asked.data("forgiven");  // unless one of them says otherwise
    });
}

void kill_task(const query& q) {
    const auto& options = q.self->state.options;
    const job_id job{q.needed_text("job_id")};
    const node_id node{q.needed_text("node_id")};
    q.ask<control_answer>(options.scheduler, control_asked{options.secret, control_verb::kill, job, node},
                          [](const query& asked, const control_answer& answer) {
                              forget_jobs(asked.self);
                              if (answer.ok)
                                  asked.data("signaled");
                              else
                                  asked.error(answer.text);
                          });
}

void change_job(const query& q, control_verb verb, std::string text, const char* done) {
    const auto& options = q.self->state.options;
    q.ask<control_answer>(options.scheduler,
                          control_asked{options.secret, verb, job_id{q.needed_text("job_id")}, {}, std::move(text)},
                          [done](const query& asked, const control_answer& answer) {
                              forget_jobs(asked.self);
                              if (answer.ok)
                                  asked.data(done);
                              else
                                  asked.error(answer.text);
                          });
}

void save_job(const query& q) { change_job(q, control_verb::submit, q.needed_object("job"), "saved"); }
void delete_job(const query& q) { change_job(q, control_verb::remove, {}, "deleted"); }

struct handler {
    std::string_view name;
    bool changes;
    void (*serve)(const query& q);
};

constexpr handler handlers[] = {
    {"jobs", false, jobs},
    {"running_tasks", false, running_tasks},
    {"job_node_runtime", false, job_node_runtime},
    {"sorted_node_names", false, sorted_node_names},
    {"nodes", false, nodes},
    {"histogram", false, histogram_query},
    {"task_logs", false, task_logs},
    {"errors", false, errors},
    {"refresh_time", false, refresh_time},
    {"save_job", true, save_job},
    {"delete_job", true, delete_job},
    {"forgive_jobs", true, forgive_jobs},
    {"kill_task", true, kill_task},
};

void serve_query(const query& q) {
    try {
        const auto name = q.needed_text("handler");
        const auto* const found =
            std::find_if(std::begin(handlers), std::end(handlers), [&](const handler& h) { return h.name == name; });
        if (found == std::end(handlers)) return q.error("there is no handler " + quote(name));
        if (found->changes && !q.may_operate()) return q.error("this token may only read");
        found->serve(q);
    } catch (const std::exception& e) {
        q.error(e.what());
    }
}

}  // namespace

void serve_seed(http_ptr self, const http_call& call) {
    json::error_code ec;
    const auto root = json::parse(call.request().body, ec);
    if (ec) return answer_problem(call.exchange, 400, "bad_json", "the body is no JSON: " + ec.message());
    const auto* queries = root.if_object();
    if (queries == nullptr)
        return answer_problem(call.exchange, 400, "bad_json", "the body must be an object of named queries");
    if (queries->size() > max_queries)
        return answer_problem(call.exchange, 400, "too_many", "at most 100 queries may be in one request");
    const auto all = std::make_shared<batch>(call.exchange);
    for (const auto& item : *queries) {
        const std::string name{item.key()};
        if (name == "prefs") continue;
        const auto* input = item.value().if_object();
        const query q{self, all, name, input ? *input : json::object{}};
        if (input)
            serve_query(q);
        else
            q.error("a query must be an object with a \"handler\"");
    }
}

}  // namespace bistro
