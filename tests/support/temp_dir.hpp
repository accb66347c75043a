// A folder for one test, removed afterwards.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace bistro::test {

class temp_dir {
public:
    temp_dir() {
        const std::string random_part(6, 'X');  // filled in by mkdtemp
        path_ = (std::filesystem::temp_directory_path() / ("bistro-test-" + random_part)).string();
        if (::mkdtemp(path_.data()) == nullptr) std::abort();
    }
    ~temp_dir() {
        std::error_code ec;
        std::filesystem::remove_all(path_, ec);
    }
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

}  // namespace bistro::test
