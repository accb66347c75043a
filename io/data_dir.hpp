// A data directory, held by one process at a time.
#pragma once

#include <string>

namespace bistro {

class data_dir {
public:
    /// Makes the directory where it is missing. `lock_name` tells the kinds of holder apart: one scheduler and one
    /// worker may share a directory. Throws io_error where it can't be written, or another process holds it.
    data_dir(const std::string& path, const std::string& lock_name);
    ~data_dir();
    data_dir(const data_dir&) = delete;
    data_dir& operator=(const data_dir&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
    int lock_ = -1;
};

/// Replaces a file's content at once, readable by its owner only. Throws io_error.
void write_private_file(const std::string& path, const std::string& content);
/// The content of a file that only its owner may read or write; empty where there is no file. Throws io_error where
/// others may.
std::string read_private_file(const std::string& path);

/// The first line of a private file that must be there and hold a secret. Throws io_error.
std::string read_secret(const std::string& path);

}  // namespace bistro
