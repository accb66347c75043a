#include "io/address_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "io/data_dir.hpp"
#include "io/error.hpp"

namespace bistro {

namespace {

std::string file_in(const std::string& data_dir) { return data_dir + "/scheduler.address"; }

// The folder is ours alone, or it is not used: others may own names in /tmp.
std::string user_folder() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const std::string folder = runtime != nullptr && *runtime != '\0' ? std::string{runtime} + "/bistro"
                                                                      : "/tmp/bistro-" + std::to_string(::geteuid());
    ::mkdir(folder.c_str(), 0700);
    struct stat info {};
    const bool ours = ::lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
                      (info.st_mode & 077) == 0;
    return ours ? folder : std::string{};
}

std::optional<scheduler_address> parse(const std::string& text) {
    boost::system::error_code ec;
    const auto value = boost::json::parse(text, ec);
    const auto* object = ec ? nullptr : value.if_object();
    if (object == nullptr) return std::nullopt;
    scheduler_address address;
    auto string = [&](const char* key) {
        const auto* field = object->if_contains(key);
        return field != nullptr && field->is_string() ? std::string{field->as_string()} : std::string{};
    };
    address.host = string("host");
    address.secret = string("secret");
    if (const auto* port = object->if_contains("port"); port != nullptr && port->is_int64())
        address.port = static_cast<std::uint16_t>(port->as_int64());
    if (const auto* pid = object->if_contains("pid"); pid != nullptr && pid->is_int64()) address.pid = pid->as_int64();
    if (address.host.empty() || address.port == 0) return std::nullopt;
    return address;
}

}  // namespace

address_file::address_file(const std::string& data_dir, const scheduler_address& address)
    : in_data_dir_{file_in(data_dir)} {
    boost::json::object object{
        {"host", address.host}, {"port", address.port}, {"secret", address.secret}, {"pid", address.pid}};
    const auto text = boost::json::serialize(object) + "\n";
    write_private_file(in_data_dir_, text);
    if (const auto folder = user_folder(); !folder.empty()) {
        by_port_ = folder + "/" + std::to_string(address.port);
        write_private_file(by_port_, text);
    }
}

address_file::~address_file() {
    ::unlink(in_data_dir_.c_str());
    if (!by_port_.empty()) ::unlink(by_port_.c_str());
}

std::optional<scheduler_address> find_address_in(const std::string& data_dir) {
    return parse(read_private_file(file_in(data_dir)));
}

std::string find_secret_of_port(std::uint16_t port) {
    const auto folder = user_folder();
    if (folder.empty()) return {};
    try {
        const auto address = parse(read_private_file(folder + "/" + std::to_string(port)));
        return address ? address->secret : std::string{};
    } catch (const io_error&) {
        return {};
    }
}

}  // namespace bistro
