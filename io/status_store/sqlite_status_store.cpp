#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "io/error.hpp"
#include "io/host.hpp"
#include "io/sqlite_file.hpp"
#include "io/sqlite_retention.hpp"
#include "io/status_store/status_store.hpp"

namespace bistro {

namespace {

// Attempts carry their task's names, so that history outlives jobs and nodes. Times are milliseconds since the epoch.
constexpr const char* statements = R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE statuses (
  job TEXT NOT NULL, node TEXT NOT NULL, state TEXT NOT NULL, backoff_step INTEGER NOT NULL,
  retry_at_ms INTEGER NOT NULL, invocation INTEGER NOT NULL, synthetic INTEGER NOT NULL, data TEXT,
  PRIMARY KEY (job, node)) WITHOUT ROWID;
CREATE TABLE attempts (
  invocation INTEGER PRIMARY KEY, job TEXT NOT NULL, node TEXT NOT NULL, worker TEXT, path TEXT,
  started_ms INTEGER, ended_ms INTEGER, result TEXT, exit_code INTEGER, signal INTEGER, data TEXT, reason TEXT);
CREATE INDEX attempts_of_task ON attempts (job, node, invocation);
CREATE TABLE workers (
  shard TEXT PRIMARY KEY, instance INTEGER NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, declared TEXT NOT NULL,
  heartbeat_ms INTEGER NOT NULL, unhealthy_after_ms INTEGER NOT NULL, lost_after_ms INTEGER NOT NULL,
  kill_ms INTEGER NOT NULL) WITHOUT ROWID;
)sql";

constexpr sqlite_schema schema{0x42735374, 1, statements, "a status store of bistro"};

std::int64_t as_signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t as_unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }

std::string path_to_json(const std::vector<std::string>& path) {
    boost::json::array array;
    for (const auto& node : path) array.emplace_back(boost::json::string{node});
    return boost::json::serialize(array);
}

std::vector<std::string> path_from_json(const std::string& text) {
    std::vector<std::string> path;
    boost::system::error_code ec;
    const auto value = boost::json::parse(text, ec);
    if (const auto* array = ec ? nullptr : value.if_array())
        for (const auto& node : *array)
            if (node.is_string()) path.emplace_back(node.as_string());
    return path;
}

std::string amounts_to_json(const amounts& declared) {
    boost::json::object object;
    for (const auto& [name, amount] : declared) object[name] = amount;
    return boost::json::serialize(object);
}

amounts amounts_from_json(const std::string& text) {
    amounts declared;
    boost::system::error_code ec;
    const auto value = boost::json::parse(text, ec);
    if (const auto* object = ec ? nullptr : value.if_object())
        for (const auto& [name, amount] : *object)
            if (amount.is_int64()) declared[std::string{name}] = amount.as_int64();
    return declared;
}

class sqlite_status_store final : public status_store {
public:
    sqlite_status_store(std::string path, sqlite_access access, const retention& keep)
        : path_{std::move(path)}, db_{open_sqlite(path_, schema, access, sqlite_durability::full)} {
        if (access == sqlite_access::read_only) return;
        put_start_ = prepare(
            "INSERT INTO attempts (invocation, job, node, worker, path, started_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
            "ON CONFLICT (invocation) DO UPDATE SET worker = ?4, path = ?5, started_ms = ?6 WHERE worker IS NULL");
        put_finish_ = prepare(
            "INSERT INTO attempts (invocation, job, node, ended_ms, result, exit_code, signal, data, reason) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (invocation) DO UPDATE SET ended_ms = ?4, "
            "result = ?5, exit_code = ?6, signal = ?7, data = ?8, reason = ?9");
        put_status_ = prepare("INSERT OR REPLACE INTO statuses VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        put_worker_ = prepare("INSERT OR REPLACE INTO workers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        erase_worker_ = prepare("DELETE FROM workers WHERE shard = ?1 AND instance = ?2");
        old_attempts_.emplace(db_, "attempts", "invocation", "coalesce(started_ms, ended_ms)", keep);
    }

    std::uint64_t begin_epoch() override {
        return guarded([&] {
            db_.exec("INSERT INTO meta VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1");
            return as_unsigned(db_.execAndGet("SELECT value FROM meta WHERE name = 'epoch'").getInt64());
        });
    }

    std::uint64_t cluster() override {
        return guarded([&] {
            SQLite::Statement put{db_, "INSERT INTO meta VALUES ('cluster', ?) ON CONFLICT (name) DO NOTHING"};
            put.bind(1, as_signed(random_number() | 1));  // 0 would be none
            run(put);
            return as_unsigned(db_.execAndGet("SELECT value FROM meta WHERE name = 'cluster'").getInt64());
        });
    }

    void commit(const status_batch& batch) override {
        guarded([&] {
            SQLite::Transaction transaction{db_};
            for (const auto& start : batch.starts) write(start);
            for (const auto& finish : batch.finishes) {
                write(finish);
                write(finish.job, finish.node, finish.status);
            }
            for (const auto& record : batch.statuses) write(record.job, record.node, record.status);
            for (const auto& worker : batch.workers) write(worker);
            for (const auto& gone : batch.forgotten_workers) {
                erase_worker_->bind(1, gone.shard.value);
                erase_worker_->bind(2, as_signed(gone.instance));
                run(*erase_worker_);
            }
            time_ms newest = 0;
            for (const auto& start : batch.starts) newest = std::max(newest, start.started_ms);
            old_attempts_->prune(batch.starts.size(), newest);
            transaction.commit();
            old_attempts_->committed();
        });
    }

    // A commit costs about a millisecond of a core whatever its size: log frames of every page touched, and a sync.
    std::chrono::milliseconds commit_spacing() const override { return std::chrono::milliseconds{10}; }

    void for_each_status(const job_id& job, const std::function<void(const node_id&, task_status)>& visit) override {
        guarded([&] {
            SQLite::Statement s{
                db_,
                "SELECT node, state, backoff_step, retry_at_ms, invocation, synthetic, data FROM statuses "
                "WHERE job = ? ORDER BY node"};
            s.bind(1, job.value);
            while (s.executeStep()) {
                task_status status;
                status.state = parse_task_state(s.getColumn(1).getString()).value_or(task_state::unstarted);
                status.backoff_step = s.getColumn(2).getUInt();
                status.retry_at_ms = s.getColumn(3).getInt64();
                status.invocation = invocation_id{as_unsigned(s.getColumn(4).getInt64())};
                status.synthetic = s.getColumn(5).getInt() != 0;
                status.data_json = s.getColumn(6).getString();
                visit(node_id{s.getColumn(0).getString()}, std::move(status));
            }
        });
    }

    void for_each_failure(const job_id& job, const std::function<void(failure_record)>& visit) override {
        guarded([&] {
            SQLite::Statement s{db_,
                                "SELECT s.node, a.reason, s.state, a.ended_ms FROM statuses s LEFT JOIN attempts a ON "
                                "a.invocation = s.invocation AND a.result IS NOT NULL WHERE s.job = ? AND "
                                "s.state IN ('error', 'failed') ORDER BY s.node"};
            s.bind(1, job.value);
            while (s.executeStep())
                visit({node_id{s.getColumn(0).getString()},
                       s.getColumn(1).isNull() ? forgotten_reason : s.getColumn(1).getString(),
                       parse_task_state(s.getColumn(2).getString()) == task_state::failed, s.getColumn(3).getInt64()});
        });
    }

    std::vector<job_id> jobs() override {
        return guarded([&] {
            std::vector<job_id> result;
            SQLite::Statement s{
                db_, "SELECT DISTINCT job FROM statuses UNION SELECT DISTINCT job FROM attempts ORDER BY job"};
            while (s.executeStep()) result.emplace_back(s.getColumn(0).getString());
            return result;
        });
    }

    std::vector<attempt> attempts(const job_id& job, const node_id& node, std::size_t limit) override {
        return guarded([&] {
            std::vector<attempt> result;
            const std::string of_node = node.empty() ? "" : "AND node = ?2 ";
            SQLite::Statement s{db_,
                                "SELECT invocation, job, node, worker, path, started_ms, ended_ms, result, exit_code, "
                                "signal, data, reason FROM attempts WHERE job = ?1 " +
                                    of_node + "ORDER BY invocation DESC LIMIT ?3"};
            s.bind(1, job.value);
            if (!node.empty()) s.bind(2, node.value);
            s.bind(3, static_cast<std::int64_t>(limit));
            while (s.executeStep()) result.push_back(read_attempt(s));
            return result;
        });
    }

    std::vector<worker_instance> workers() override {
        return guarded([&] {
            std::vector<worker_instance> result;
            SQLite::Statement s{db_, "SELECT * FROM workers ORDER BY shard"};
            while (s.executeStep()) {
                worker_instance w;
                w.info = {shard_name{s.getColumn(0).getString()}, s.getColumn(2).getString(),
                          amounts_from_json(s.getColumn(4).getString())};
                w.instance = as_unsigned(s.getColumn(1).getInt64());
                w.pid = s.getColumn(3).getInt64();
                w.timeouts = {s.getColumn(5).getInt64(), s.getColumn(6).getInt64(), s.getColumn(7).getInt64(),
                              s.getColumn(8).getInt64()};
                result.push_back(std::move(w));
            }
            return result;
        });
    }

    void clear() override {
        guarded([&] {
            SQLite::Transaction transaction{db_};
            db_.exec("DELETE FROM statuses; DELETE FROM attempts;");
            transaction.commit();
            if (old_attempts_) old_attempts_->cleared();
        });
    }

private:
    using statement = std::unique_ptr<SQLite::Statement>;

    statement prepare(const char* sql) { return std::make_unique<SQLite::Statement>(db_, sql); }

    template <class F>
    auto guarded(F&& f) -> decltype(f()) {
        try {
            return f();
        } catch (const SQLite::Exception& e) {
            for (auto* s : {&put_start_, &put_finish_, &put_status_, &put_worker_, &erase_worker_})
                if (*s) (*s)->tryReset();
            if (old_attempts_) old_attempts_->reset();
            throw io_error{sqlite_message(path_, e)};
        }
    }

    static void run(SQLite::Statement& s) {
        s.exec();
        s.reset();
    }

    void write(const attempt_start& start) {
        auto& s = *put_start_;
        s.bind(1, as_signed(start.invocation.value));
        s.bind(2, start.job.value);
        s.bind(3, start.node.value);
        s.bind(4, start.worker);
        s.bind(5, path_to_json(start.path));
        s.bind(6, start.started_ms);
        run(s);
    }

    void write(const attempt_finish& finish) {
        auto& s = *put_finish_;
        s.bind(1, as_signed(finish.end.invocation.value));
        s.bind(2, finish.job.value);
        s.bind(3, finish.node.value);
        s.bind(4, finish.end.ended_ms);
        s.bind(5, std::string{to_string(finish.end.result)});
        s.bind(6, finish.end.exit_code);
        s.bind(7, finish.end.signal);
        s.bind(8, finish.end.data_json);
        s.bind(9, finish.end.reason);
        run(s);
    }

    void write(const job_id& job, const node_id& node, const task_status& status) {
        auto& s = *put_status_;
        s.bind(1, job.value);
        s.bind(2, node.value);
        s.bind(3, std::string{to_string(status.state)});
        s.bind(4, static_cast<std::int64_t>(status.backoff_step));
        s.bind(5, status.retry_at_ms);
        s.bind(6, as_signed(status.invocation.value));
        s.bind(7, status.synthetic ? 1 : 0);
        s.bind(8, status.data_json);
        run(s);
    }

    void write(const worker_instance& worker) {
        auto& s = *put_worker_;
        s.bind(1, worker.info.shard.value);
        s.bind(2, as_signed(worker.instance));
        s.bind(3, worker.info.host);
        s.bind(4, worker.pid);
        s.bind(5, amounts_to_json(worker.info.declared));
        s.bind(6, worker.timeouts.heartbeat_ms);
        s.bind(7, worker.timeouts.unhealthy_after_ms);
        s.bind(8, worker.timeouts.lost_after_ms);
        s.bind(9, worker.timeouts.kill_ms);
        run(s);
    }

    static attempt read_attempt(SQLite::Statement& s) {
        attempt a;
        a.start.invocation = invocation_id{as_unsigned(s.getColumn(0).getInt64())};
        a.start.job = job_id{s.getColumn(1).getString()};
        a.start.node = node_id{s.getColumn(2).getString()};
        a.start.worker = s.getColumn(3).getString();
        a.start.path = path_from_json(s.getColumn(4).getString());
        a.start.started_ms = s.getColumn(5).getInt64();
        a.ended = !s.getColumn(7).isNull();
        if (!a.ended) return a;
        a.end.invocation = a.start.invocation;
        a.end.ended_ms = s.getColumn(6).getInt64();
        a.end.result = parse_attempt_result(s.getColumn(7).getString()).value_or(attempt_result::error);
        a.end.exit_code = s.getColumn(8).getInt();
        a.end.signal = s.getColumn(9).getInt();
        a.end.data_json = s.getColumn(10).getString();
        a.end.reason = s.getColumn(11).getString();
        return a;
    }

    std::string path_;
    SQLite::Database db_;
    statement put_start_;
    statement put_finish_;
    statement put_status_;
    statement put_worker_;
    statement erase_worker_;
    std::optional<sqlite_retention> old_attempts_;  // where it may be written
};

}  // namespace

std::unique_ptr<status_store> open_sqlite_status_store(const std::string& path, const retention& keep) {
    return std::make_unique<sqlite_status_store>(path, sqlite_access::read_write, keep);
}

std::unique_ptr<status_store> open_sqlite_status_store_read_only(const std::string& path) {
    return std::make_unique<sqlite_status_store>(path, sqlite_access::read_only, retention{});
}

}  // namespace bistro
