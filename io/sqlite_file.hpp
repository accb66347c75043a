// Opens an SQLite file of ours: creates it, refuses what is not ours, damaged or newer, and never overwrites.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>
#include <vector>

namespace bistro {

/// What kind of file it is, and how to make one.
struct sqlite_schema {
    std::int32_t application_id = 0;  ///< marks the kind of file
    std::int32_t version = 0;         ///< of the schema
    const char* statements = "";      ///< create everything in an empty file
    const char* what = "";            ///< for messages: "the status store"
};

enum class sqlite_access : std::uint8_t { read_write, read_only };
enum class sqlite_durability : std::uint8_t {
    full,    ///< a commit survives the loss of power
    normal,  ///< a commit survives the death of the process
};

/// The open file, in WAL mode. Throws io_error with a message that says what to do.
SQLite::Database open_sqlite(const std::string& path, const sqlite_schema& schema, sqlite_access access,
                             sqlite_durability durability);

/// An SQLite exception in words that name the file and the way out.
std::string sqlite_message(const std::string& path, const SQLite::Exception& e);

}  // namespace bistro
