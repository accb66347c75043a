#include "actors/status_store.hpp"

#include <caf/all.hpp>

#include "actors/runtime.hpp"
#include "io/error.hpp"

namespace bistro {

namespace {

using self_ptr = status_store_actor::stateful_pointer<status_store_state>;

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

std::size_t records_in(const status_batch& batch) {
    return batch.starts.size() + batch.finishes.size() + batch.statuses.size();
}

void report(self_ptr self, const std::string& trouble) {
    auto& s = self->state;
    s.in_trouble = !trouble.empty();
    if (s.health_listener) self->send(caf::actor_cast<scheduler_actor>(s.health_listener), store_health{trouble});
}

void commit(self_ptr self) {
    auto& s = self->state;
    s.commit_scheduled = false;
    if (s.waiting.empty()) return;
    // Whoever comes alone is served at once.
    if (records_in(s.gathered) > records_of_a_stream) s.next_commit = self->clock().now() + s.store->commit_spacing();
    try {
        s.store->commit(s.gathered);
    } catch (const io_error& e) {
        if (!s.in_trouble) report(self, e.what());
        s.commit_scheduled = true;
        self->delayed_send(self, commit_retry_wait, commit_due{});
        return;
    }
    if (s.in_trouble) report(self, "");
    s.gathered = {};
    for (auto& promise : s.waiting) promise.deliver(recorded{});
    s.waiting.clear();
}

void gather(self_ptr self, const status_batch& batch, caf::typed_response_promise<recorded> promise) {
    auto& s = self->state;
    append(s.gathered.starts, batch.starts);
    append(s.gathered.finishes, batch.finishes);
    append(s.gathered.statuses, batch.statuses);
    append(s.gathered.workers, batch.workers);
    append(s.gathered.forgotten_workers, batch.forgotten_workers);
    s.waiting.push_back(std::move(promise));
    if (s.commit_scheduled) return;
    s.commit_scheduled = true;
    if (const auto now = self->clock().now(); s.next_commit > now)
        self->delayed_send(self, s.next_commit - now, commit_due{});
    else
        self->send(self, commit_due{});
}

}  // namespace

status_store_actor::behavior_type status_store_behavior(self_ptr self,
                                                        std::shared_ptr<std::unique_ptr<status_store>> store) {
    self->state.store = std::move(*store);
    return {
        [=](const load_statuses& ask) -> caf::result<statuses_loaded> {
            statuses_loaded answer;
            try {
                self->state.store->for_each_status(ask.job, [&](const node_id& node, task_status status) {
                    answer.statuses.emplace_back(node, std::move(status));
                });
                self->state.store->for_each_failure(
                    ask.job, [&](failure_record failure) { answer.failures.push_back(std::move(failure)); });
            } catch (const io_error& e) {
                report(self, e.what());
                return caf::make_error(caf::sec::runtime_error, e.what());
            }
            if (self->state.in_trouble && self->state.waiting.empty()) report(self, "");
            return answer;
        },
        [=](const record_statuses& record) -> caf::result<recorded> {
            auto promise = self->make_response_promise<recorded>();
            gather(self, *record.batch, promise);
            return promise;
        },
        [=](const flush_store&) -> caf::result<recorded> {
            auto promise = self->make_response_promise<recorded>();
            self->state.waiting.push_back(promise);
            if (!self->state.in_trouble) commit(self);  // else the next try is on its way
            return promise;
        },
        [=](const attempts_asked& m) -> caf::result<attempts_answer> {
            try {
                return attempts_answer{self->state.store->attempts(m.job, m.node, m.limit)};
            } catch (const io_error& e) {
                return caf::make_error(caf::sec::runtime_error, e.what());
            }
        },
        [=](const commit_due&) { commit(self); },
        [=](const health_to& m) { self->state.health_listener = m.listener; },
    };
}

}  // namespace bistro
