#include <algorithm>
#include <optional>

#include "io/error.hpp"
#include "io/log_store/line_ids.hpp"
#include "io/log_store/log_store.hpp"
#include "io/sqlite_file.hpp"
#include "io/sqlite_retention.hpp"

namespace bistro {

namespace {

constexpr const char* statements = R"sql(
CREATE TABLE lines (
  id INTEGER PRIMARY KEY, job TEXT NOT NULL, node TEXT NOT NULL, invocation INTEGER NOT NULL, stream INTEGER NOT NULL,
  written_ms INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX lines_of_task ON lines (job, node, id);
)sql";

constexpr sqlite_schema schema{0x42734C67, 1, statements, "a log store of bistro"};

class sqlite_log_store final : public log_store {
public:
    sqlite_log_store(std::string path, sqlite_access access, const retention& keep)
        : path_{std::move(path)}, db_{open_sqlite(path_, schema, access, sqlite_durability::normal)} {
        if (access == sqlite_access::read_only) return;
        put_ = std::make_unique<SQLite::Statement>(db_, "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)");
        old_lines_.emplace(db_, "lines", "id", "written_ms", keep);
        ids_ = line_ids{db_.execAndGet("SELECT coalesce(max(id), 0) FROM lines").getInt64()};
    }

    void append(std::vector<log_line>& lines) override {
        guarded([&] {
            SQLite::Transaction transaction{db_};
            for (auto& line : lines) {
                line.id = ids_.next(line.written_ms);
                put_->bind(1, line.id);
                put_->bind(2, line.job.value);
                put_->bind(3, line.node.value);
                put_->bind(4, static_cast<std::int64_t>(line.invocation.value));
                put_->bind(5, static_cast<int>(line.stream));
                put_->bind(6, line.written_ms);
                put_->bind(7, line.text);
                put_->exec();
                put_->reset();
            }
            old_lines_->prune(lines.size(), lines.empty() ? 0 : lines.back().written_ms);
            transaction.commit();
            old_lines_->committed();
        });
    }

    std::vector<log_line> query(const log_query& q) override {
        return guarded([&] {
            std::string sql = "SELECT id, job, node, invocation, stream, written_ms, text FROM lines WHERE id > ?1";
            if (!q.job.empty()) sql += " AND job = ?2";
            if (!q.node.empty()) sql += " AND node = ?3";
            if (q.invocation.valid()) sql += " AND invocation = ?4";
            if (!q.any_stream) sql += " AND stream = ?5";
            if (q.before_id != 0) sql += " AND id < ?7";
            sql += q.latest ? " ORDER BY id DESC LIMIT ?6" : " ORDER BY id LIMIT ?6";
            SQLite::Statement s{db_, sql};
            s.bind(1, q.after_id);
            if (!q.job.empty()) s.bind(2, q.job.value);
            if (!q.node.empty()) s.bind(3, q.node.value);
            if (q.invocation.valid()) s.bind(4, static_cast<std::int64_t>(q.invocation.value));
            if (!q.any_stream) s.bind(5, static_cast<int>(q.stream));
            s.bind(6, static_cast<std::int64_t>(q.limit));
            if (q.before_id != 0) s.bind(7, q.before_id);
            std::vector<log_line> result;
            while (s.executeStep()) {
                log_line line;
                line.id = s.getColumn(0).getInt64();
                line.job = job_id{s.getColumn(1).getString()};
                line.node = node_id{s.getColumn(2).getString()};
                line.invocation = invocation_id{static_cast<std::uint64_t>(s.getColumn(3).getInt64())};
                line.stream = static_cast<log_stream>(std::clamp(s.getColumn(4).getInt(), 0, 2));
                line.written_ms = s.getColumn(5).getInt64();
                line.text = s.getColumn(6).getString();
                result.push_back(std::move(line));
            }
            if (q.latest) std::reverse(result.begin(), result.end());
            return result;
        });
    }

    void clear() override {
        guarded([&] {
            db_.exec("DELETE FROM lines");
            if (old_lines_) old_lines_->cleared();
        });
    }

private:
    template <class F>
    auto guarded(F&& f) -> decltype(f()) {
        try {
            return f();
        } catch (const SQLite::Exception& e) {
            if (put_) put_->tryReset();
            if (old_lines_) old_lines_->reset();
            throw io_error{sqlite_message(path_, e)};
        }
    }

    std::string path_;
    SQLite::Database db_;
    std::unique_ptr<SQLite::Statement> put_;
    std::optional<sqlite_retention> old_lines_;  // where it may be written
    line_ids ids_;
};

}  // namespace

std::unique_ptr<log_store> open_sqlite_log_store(const std::string& path, const retention& keep) {
    return std::make_unique<sqlite_log_store>(path, sqlite_access::read_write, keep);
}

std::unique_ptr<log_store> open_sqlite_log_store_read_only(const std::string& path) {
    return std::make_unique<sqlite_log_store>(path, sqlite_access::read_only, retention{});
}

}  // namespace bistro
