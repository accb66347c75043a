// What people ask a scheduler for: changes of its jobs, and to wait for one.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "actors/config_watcher.hpp"
#include "config/submissions.hpp"
#include "io/data_dir.hpp"
#include "tests/support/system_fixture.hpp"

namespace bistro {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class people_test : public test::system_test {};

TEST_F(people_test, a_change_of_the_jobs_takes_effect_when_it_is_stored_and_not_before) {
    const auto path = dir.file("c.toml");
    std::ofstream{path} << test::base_config << one_job;
    start_scheduler(one_job);
    const auto control = [&](control_verb verb, const std::string& text = {}) {
        return *ask<control_answer>(scheduler, control_asked{"secret", verb, job_id{"new"}, {}, text});
    };
    EXPECT_THAT(control(control_verb::pause).text, HasSubstr("only a running bistro scheduler"));
    auto current = std::make_shared<const settings>(*load_config(path).config);
    const auto kept = dir.file("missing/submissions.json");
    auto watcher = track(system.spawn(config_watcher_behavior, config_watcher_options{current, kept, {}, {}}, scheduler,
                                      static_cast<io_loop*>(nullptr)));
    run();
    const std::string job = R"({"owner": "y", "command": ["b"]})";
    EXPECT_THAT(control(control_verb::submit, job).text, HasSubstr("could not be stored, and was not made"));
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs, SizeIs(1));
    std::filesystem::create_directory(dir.file("missing"));
    EXPECT_THAT(control(control_verb::submit, "{}").text, HasSubstr("needs an owner"));
    EXPECT_TRUE(control(control_verb::submit, job).ok);
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs, SizeIs(2));
    EXPECT_TRUE(control(control_verb::pause).ok);
    EXPECT_FALSE(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs[1].enabled);
    EXPECT_EQ(parse_submissions(read_private_file(kept)).paused, std::set{job_id{"new"}});
    EXPECT_FALSE(control(control_verb::pause).ok);
    EXPECT_TRUE(control(control_verb::resume).ok);
    EXPECT_TRUE(control(control_verb::remove).ok);
    EXPECT_FALSE(ask<control_answer>(scheduler, control_asked{"secret", control_verb::remove, job_id{"new"}, {}}))
        << "there is none any more";
    EXPECT_THAT(ask<jobs_answer>(scheduler, jobs_asked{"secret"})->jobs, SizeIs(1));
    std::ofstream{path} << "nonsense";
    EXPECT_THAT(control(control_verb::submit, job).text, HasSubstr("is not valid now"));
}

TEST_F(people_test, who_waits_for_a_job_hears_of_its_rest_or_that_the_time_is_over) {
    start_scheduler(one_job);
    start_worker("w");
    std::optional<wait_answer> patient;
    std::optional<wait_answer> hasty;
    ask_for(patient, gateway, wait_asked{"secret", job_id{"j"}, 60});
    ask_for(hasty, gateway, wait_asked{"secret", job_id{"j"}, 2});
    pass(std::chrono::milliseconds{1500});
    EXPECT_FALSE(hasty);
    pass(std::chrono::seconds{1});
    ASSERT_TRUE(hasty);
    EXPECT_FALSE(hasty->at_rest);
    EXPECT_FALSE(patient);
    end_all();
    ASSERT_TRUE(patient);
    EXPECT_TRUE(patient->at_rest);
    EXPECT_EQ(patient->counts.done, 4U);
}

}  // namespace
}  // namespace bistro
