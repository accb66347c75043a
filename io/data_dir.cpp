#include "io/data_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "io/error.hpp"

namespace bistro {

data_dir::data_dir(const std::string& path, const std::string& lock_name)
    : path_{std::filesystem::absolute(path).lexically_normal()} {
    std::error_code ec;
    std::filesystem::create_directories(path_, ec);
    if (ec)
        throw io_error{"can't make the data directory " + path_ + ": " + ec.message() +
                       ". Choose another with --data-dir."};
    const auto lock = file(lock_name + ".lock");
    lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0)
        throw io_error{errno_error("can't write to the data directory " + path_).what() +
                       std::string{". Choose another with --data-dir."}};
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        throw io_error{"the data directory " + path_ + " is in use by another " + lock_name +
                       ". Stop that one, or choose another directory with --data-dir."};
    }
}

data_dir::~data_dir() { ::close(lock_); }

void write_private_file(const std::string& path, const std::string& content) {
    const auto temporary = path + ".new";
    ::unlink(temporary.c_str());
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) throw errno_error("can't write " + path);
    const auto written = ::write(fd, content.data(), content.size());
    const bool good = written == static_cast<ssize_t>(content.size()) && ::fsync(fd) == 0;
    auto error = errno_error("can't write " + path);
    ::close(fd);
    if (!good || ::rename(temporary.c_str(), path.c_str()) != 0) {
        if (good) error = errno_error("can't write " + path);
        ::unlink(temporary.c_str());
        throw error;
    }
}

std::string read_private_file(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return {};
        throw errno_error("can't read " + path);
    }
    if ((info.st_mode & 077) != 0 || info.st_uid != ::geteuid())
        throw io_error{path + " must belong to you and be readable by nobody else (chmod 600)"};
    std::ifstream in{path, std::ios::binary};
    if (!in) throw errno_error("can't read " + path);
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::string read_secret(const std::string& path) {
    constexpr std::size_t shortest = 16;
    constexpr std::size_t longest = 1024;
    auto secret = read_private_file(path);
    if (secret.empty()) throw io_error{path + " is missing or empty; bistro tls init makes one"};
    secret.resize(std::min(secret.find_first_of("\r\n"), secret.size()));
    if (secret.size() < shortest || secret.size() > longest)
        throw io_error{path +
                       " must hold a secret of 16 to 1024 characters on its first line; bistro tls init makes one"};
    return secret;
}

}  // namespace bistro
