#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "io/address_file.hpp"
#include "io/data_dir.hpp"
#include "io/error.hpp"
#include "io/event_log.hpp"
#include "io/terminal/progress_view.hpp"
#include "io/terminal/terminal.hpp"
#include "tests/support/temp_dir.hpp"

namespace bistro {
namespace {

using test::temp_dir;
using ::testing::HasSubstr;

TEST(event_log, lines_have_the_documented_shape) {
    event e;
    e.seq = 1;
    e.at_ms = 12'345;
    e.kind = event_kind::start;
    e.job = job_id{"j"};
    e.node = node_id{"n"};
    e.worker = "w";
    e.invocation = invocation_id{(std::uint64_t{1} << 40) + 7};
    e.path = {"n", "host1", "instance"};
    EXPECT_EQ(
        to_json_line(e),
        R"({"seq":1,"time":12.345,"event":"start","job":"j","node":"n","worker":"w","invocation":"1-7","path":["n","host1","instance"]})");
    e.kind = event_kind::finish;
    e.path.clear();
    e.exit_code = 2;
    e.result = attempt_result::error;
    EXPECT_EQ(
        to_json_line(e),
        R"({"seq":1,"time":12.345,"event":"finish","job":"j","node":"n","worker":"w","invocation":"1-7","result":"error","exit_code":2})");
    e.signal = 9;
    EXPECT_THAT(to_json_line(e), HasSubstr("\"signal\":9"));
    e.node = node_id{"a\"\n\xff"};
    EXPECT_THAT(to_json_line(e), HasSubstr("\"node\":\"a\\\"\\n\xEF\xBF\xBD\""));
}

TEST(data_dir, is_held_by_one_process_at_a_time) {
    temp_dir dir;
    const data_dir first{dir.file("state/deep"), "scheduler"};
    EXPECT_THROW((data_dir{dir.file("state/deep"), "scheduler"}), io_error);
    EXPECT_NO_THROW((data_dir{dir.file("state/deep"), "worker"}));
}

TEST(data_dir, says_when_it_cannot_be_made) {
    temp_dir dir;
    std::ofstream{dir.file("file")} << "x";
    try {
        data_dir d{dir.file("file/state"), "scheduler"};
        FAIL();
    } catch (const io_error& e) {
        EXPECT_THAT(e.what(), HasSubstr("--data-dir"));
    }
}

TEST(data_dir, says_when_it_may_not_be_written) {
    temp_dir dir;
    ASSERT_EQ(::chmod(dir.path().c_str(), 0555), 0);
    // The superuser may write anywhere.
    constexpr uid_t nobody = 65'534;
    const bool all_powerful = ::geteuid() == 0;
    if (all_powerful) {
        ASSERT_EQ(::seteuid(nobody), 0);
    }
    std::string told;
    try {
        data_dir d{dir.file("state"), "scheduler"};
    } catch (const io_error& e) {
        told = e.what();
    }
    if (all_powerful) {
        ASSERT_EQ(::seteuid(0), 0);
    }
    ::chmod(dir.path().c_str(), 0700);
    EXPECT_THAT(told, HasSubstr("Permission denied"));
    EXPECT_THAT(told, HasSubstr("--data-dir"));
}

TEST(private_files, are_private_or_refused) {
    temp_dir dir;
    write_private_file(dir.file("secret"), "abc");
    struct stat info {};
    ::stat(dir.file("secret").c_str(), &info);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
    EXPECT_EQ(read_private_file(dir.file("secret")), "abc");
    ::chmod(dir.file("secret").c_str(), 0644);
    EXPECT_THROW(read_private_file(dir.file("secret")), io_error);
    EXPECT_EQ(read_private_file(dir.file("missing")), "");
}

TEST(address_file, is_found_while_it_lives) {
    temp_dir dir;
    {
        const address_file file{dir.path(), {"127.0.0.1", 54321, "s3cret", 1}};
        const auto found = find_address_in(dir.path());
        ASSERT_TRUE(found);
        EXPECT_EQ(found->port, 54321);
        EXPECT_EQ(found->secret, "s3cret");
        EXPECT_EQ(find_secret_of_port(54321), "s3cret");
    }
    EXPECT_FALSE(find_address_in(dir.path()));
    EXPECT_EQ(find_secret_of_port(54321), "");
}

TEST(terminal, text_that_could_do_harm_is_made_harmless) {
    EXPECT_EQ(printable("a\x1b[31mb"), "a\xEF\xBF\xBD[31mb");
    EXPECT_EQ(printable("a\xC2\x9b"), "a\xEF\xBF\xBD");
    EXPECT_EQ(printable("é😀\t"), "é😀\t");
}

TEST(terminal, columns_are_those_of_the_screen) {
    EXPECT_EQ(display_width("éa"), 2U);
    EXPECT_EQ(display_width("😀日"), 4U);
    EXPECT_EQ(display_width("e\u0301"), 1U) << "a combining accent";
    EXPECT_EQ(display_width("\xFFz"), 2U) << "no UTF-8";
    EXPECT_EQ(shortened("日本語", 4), "日…") << "half a letter can't be shown";
    EXPECT_EQ(shortened("日本語", 6), "日本語");
    EXPECT_EQ(shortened("héllo", 3), "hé…");
    EXPECT_EQ(shortened("abc", 3), "abc");
    EXPECT_EQ(shortened("abc", 0), "");
}

TEST(text_table, columns_line_up_and_the_last_fits) {
    text_table table{{{"job"}, {"n", align::right}, {"why"}}};
    table.add({"é", "5", "short"});
    table.add({"longer", "12345", std::string(100, 'x')});
    const auto text = table.render(40, false);
    EXPECT_THAT(text, HasSubstr("job         n  why\n"));
    EXPECT_THAT(text, HasSubstr("é           5  short\n"));
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        EXPECT_LE(display_width(text.substr(begin, end - begin)), 40U);
        begin = end + 1;
    }
}

TEST(text_table, numbers_that_no_longer_fit_side_by_side_stand_below_each_other) {
    text_table table{{{"job"}, {"finished", align::right}, {"waiting", align::right}}};
    table.add({"extract", "123456", "7"});
    table.add({"a long name of a job", "1", "2"});
    EXPECT_EQ(table.render(18, false),
              "job      extract\nfinished 123456\nwaiting  7\n\n"
              "job      a long n…\nfinished 1\nwaiting  2\n");
}

TEST(progress, bars_fit_any_width) {
    progress_row row{"a job with a rather long name",
                     {.total = 100, .done = 40, .failed = 5, .running = 6, .backoff = 3}};
    for (std::size_t width : {0, 1, 10, 20, 40, 80, 300})
        EXPECT_LE(display_width(render_bar(row, 8, width, false)), std::max<std::size_t>(width, 1)) << width;
    EXPECT_THAT(render_bar(row, 8, 80, false), HasSubstr("40/100  6 running  3 retry  5 failed"));
    EXPECT_EQ(render_plain(row), "a job with a rather long name: 40 of 100 done, 6 running, 3 wait to retry, 5 failed");
}

TEST(progress, an_empty_job_is_a_full_bar) { EXPECT_THAT(render_bar({"j", {}}, 1, 80, false), HasSubstr("██")); }

}  // namespace
}  // namespace bistro
