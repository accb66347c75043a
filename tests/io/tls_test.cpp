#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "io/tls/tls_files.hpp"
#include "tests/support/temp_dir.hpp"

namespace bistro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string problem_of(const std::string& folder, const std::string& certificate, const std::string& key,
                       const std::string& ca = "ca.pem") {
    try {
        check_tls_files(folder + "/" + ca, folder + "/" + certificate, folder + "/" + key);
        return {};
    } catch (const io_error& e) {
        return e.what();
    }
}

TEST(tls_files, what_is_issued_holds_and_is_private) {
    const test::temp_dir dir;
    EXPECT_THAT(issue_certificates(dir.path(), {"a", "b"}),
                ElementsAre("ca.pem", "ca.key", "a.pem", "a.key", "b.pem", "b.key"));
    EXPECT_EQ(problem_of(dir.path(), "a.pem", "a.key"), "");
    EXPECT_EQ(problem_of(dir.path(), "b.pem", "b.key"), "");
    for (const auto* name : {"ca.key", "a.key"}) {
        struct stat info {};
        ASSERT_EQ(::stat((dir.path() + "/" + name).c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777, 0600U) << name;
    }
}

TEST(tls_files, what_is_there_stays_and_the_same_authority_goes_on) {
    const test::temp_dir dir;
    issue_certificates(dir.path(), {"a"});
    const auto before = read_private_file(dir.path() + "/a.key");
    EXPECT_THAT(issue_certificates(dir.path(), {"a"}), IsEmpty());
    EXPECT_THAT(issue_certificates(dir.path(), {"a", "later"}), ElementsAre("later.pem", "later.key"));
    EXPECT_EQ(read_private_file(dir.path() + "/a.key"), before);
    EXPECT_EQ(problem_of(dir.path(), "later.pem", "later.key"), "");
}

TEST(tls_files, what_does_not_hold_is_told) {
    const test::temp_dir dir;
    issue_certificates(dir.path() + "/one", {"a", "b"});
    issue_certificates(dir.path() + "/two", {"a"});
    EXPECT_THAT(problem_of(dir.path(), "one/a.pem", "one/b.key", "one/ca.pem"), HasSubstr("is not the key of"));
    EXPECT_THAT(problem_of(dir.path(), "one/a.pem", "one/a.key", "two/ca.pem"), HasSubstr("does not hold against"));
    EXPECT_THAT(problem_of(dir.path(), "none.pem", "one/a.key", "one/ca.pem"), HasSubstr("can't read"));
    EXPECT_THAT(problem_of(dir.path(), "one/a.pem", "none.key", "one/ca.pem"), HasSubstr("missing or empty"));
    EXPECT_THAT(problem_of(dir.path(), "one/a.key", "one/a.key", "one/ca.pem"), HasSubstr("no PEM certificate"));
    write_private_file(dir.path() + "/garbage.key", "garbage");
    EXPECT_THAT(problem_of(dir.path(), "one/a.pem", "garbage.key", "one/ca.pem"), HasSubstr("no PEM key"));
    std::filesystem::permissions(dir.path() + "/one/a.key", std::filesystem::perms{0640});
    EXPECT_THAT(problem_of(dir.path(), "one/a.pem", "one/a.key", "one/ca.pem"), HasSubstr("chmod 600"));
}

TEST(tls_files, several_authorities_may_stand_in_one_file) {
    const test::temp_dir dir;
    issue_certificates(dir.file("one"), {"a"});
    issue_certificates(dir.file("two"), {"a"});
    for (const auto* order : {"one two", "two one"}) {
        const std::string first{order, 3};
        const std::string second{order + 4};
        std::ofstream{dir.file("both.pem")} << std::ifstream{dir.file(first + "/ca.pem")}.rdbuf()
                                            << std::ifstream{dir.file(second + "/ca.pem")}.rdbuf();
        EXPECT_EQ(problem_of(dir.path(), "one/a.pem", "one/a.key", "both.pem"), "") << order;
    }
}

TEST(tls_files, half_of_a_pair_is_never_replaced) {
    const test::temp_dir dir;
    issue_certificates(dir.path(), {"a"});
    const auto key = read_private_file(dir.file("ca.key"));
    std::filesystem::rename(dir.file("ca.pem"), dir.file("moved"));
    EXPECT_THROW(issue_certificates(dir.path(), {"b"}), io_error);
    EXPECT_EQ(read_private_file(dir.file("ca.key")), key);
    std::filesystem::rename(dir.file("moved"), dir.file("ca.pem"));
    std::filesystem::remove(dir.file("a.key"));
    EXPECT_THROW(issue_certificates(dir.path(), {"a"}), io_error);
    EXPECT_FALSE(std::filesystem::exists(dir.file("a.key")));
}

TEST(tls_files, names_that_could_leave_the_folder_are_refused) {
    const test::temp_dir dir;
    for (const auto* name : {"", "ca", "../a", "a/b", ".a", "-a", "a b", "a\n"})
        EXPECT_THROW(issue_certificates(dir.path(), {name}), io_error) << name;
    EXPECT_THROW(issue_certificates(dir.path(), {std::string(65, 'x')}), io_error);
}

TEST(secrets, are_one_line_of_a_private_file) {
    const test::temp_dir dir;
    const auto file = dir.path() + "/secret";
    EXPECT_THROW(read_secret(file), io_error) << "is not there";
    write_private_file(file, "0123456789abcdef\n");
    EXPECT_EQ(read_secret(file), "0123456789abcdef");
    write_private_file(file, "short\n");
    EXPECT_THROW(read_secret(file), io_error);
    write_private_file(file, std::string(2000, 'x'));
    EXPECT_THROW(read_secret(file), io_error);
}

}  // namespace
}  // namespace bistro
