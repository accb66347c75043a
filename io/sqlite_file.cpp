#include "io/sqlite_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>

#include "io/error.hpp"

namespace bistro {

namespace {

constexpr int busy_timeout_ms = 5'000;
// Above this size a whole check would delay the start noticeably; damage is then found where it is read.
constexpr std::uintmax_t max_checked_bytes = std::uintmax_t{128} << 20;

std::int32_t pragma(SQLite::Database& db, const std::string& name) { return db.execAndGet("PRAGMA " + name).getInt(); }

void check_ours(SQLite::Database& db, const std::string& path, const sqlite_schema& schema) {
    const auto application = pragma(db, "application_id");
    const auto version = pragma(db, "user_version");
    if (application != schema.application_id)
        throw io_error{path + " is a database of something else, not " + schema.what +
                       "; it was left untouched. Choose another data_dir, or move the file away."};
    if (version > schema.version)
        throw io_error{path + " was written by a newer version (schema " + std::to_string(version) + ", this is " +
                       std::to_string(schema.version) +
                       "); it was left untouched. Use that version, or another data_dir."};
    if (version < schema.version)
        throw io_error{path + " has schema " + std::to_string(version) +
                       ", older than any that this version can read (" + std::to_string(schema.version) +
                       "); it was left untouched."};
    std::error_code ec;
    if (std::filesystem::file_size(path, ec) > max_checked_bytes) return;
    const std::string verdict = db.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok")
        throw io_error{path + " is damaged (" + verdict +
                       "); it was left untouched. Restore a copy, or move it away to start anew."};
}

}  // namespace

std::string sqlite_message(const std::string& path, const SQLite::Exception& e) {
    switch (e.getErrorCode()) {
        case SQLITE_NOTADB:
            return path + " is no SQLite database; it was left untouched. Move it away, or choose another data_dir.";
        case SQLITE_CORRUPT:
            return path + " is damaged (" + e.getErrorStr() +
                   "); it was left untouched. Restore a copy, or move it away to start anew.";
        case SQLITE_FULL: return path + ": the disk is full. Free some room.";
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
            return path + " can't be opened or written (" + e.getErrorStr() + "). Check its folder's permissions.";
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return path + " is in use by another process.";
        default: return path + ": " + e.getErrorStr();
    }
}

SQLite::Database open_sqlite(const std::string& path, const sqlite_schema& schema, sqlite_access access,
                             sqlite_durability durability) {
    try {
        const bool read_only = access == sqlite_access::read_only;
        // Data and output of tasks are nobody else's business. What SQLite keeps beside the file is as private.
        if (!read_only)
            if (const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); fd >= 0) ::close(fd);
        // No locks within it: a store is used by one thread at a time, and rows are read by their parts.
        const int mode = read_only ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE;
        SQLite::Database db{path, mode | SQLite::OPEN_NOMUTEX, busy_timeout_ms};
        if (!read_only && pragma(db, "application_id") == 0 && pragma(db, "user_version") == 0 &&
            db.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0) {
            db.exec("PRAGMA journal_mode = WAL");
            SQLite::Transaction transaction{db};
            db.exec(schema.statements);
            db.exec("PRAGMA application_id = " + std::to_string(schema.application_id));
            db.exec("PRAGMA user_version = " + std::to_string(schema.version));
            transaction.commit();
        }
        check_ours(db, path, schema);
        if (!read_only) {
            db.exec("PRAGMA journal_mode = WAL");
            db.exec(durability == sqlite_durability::full ? "PRAGMA synchronous = FULL"
                                                          : "PRAGMA synchronous = NORMAL");
        }
        return db;
    } catch (const SQLite::Exception& e) {
        throw io_error{sqlite_message(path, e)};
    }
}

}  // namespace bistro
