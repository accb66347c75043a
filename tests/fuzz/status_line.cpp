// Any bytes as what a task says of itself, behind one byte that says how it ended.
#include <boost/json.hpp>

#include "config/status_line.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace bistro {

FUZZ(text) {
    if (text.empty()) return;
    process_outcome outcome;
    const auto how = static_cast<unsigned char>(text.front());
    outcome.exit_code = how & 3;
    outcome.signal = how & 4 ? 9 : 0;
    outcome.status_text = text.substr(1);
    const auto end = judge(outcome, how & 8 ? status_source::pipe : status_source::exit_code);
    must(end.result != attempt_result::lost && end.result != attempt_result::never_started, "no task says that");
    if (end.data_json.empty()) return;
    boost::json::error_code ec;
    must(boost::json::parse(end.data_json, ec).is_object() && !ec, "data is an object");
}

}  // namespace bistro
