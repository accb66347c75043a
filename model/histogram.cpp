#include "model/histogram.hpp"

#include <string_view>

namespace bistro {

namespace {

status_bits bits_of_state(task_state state) {
    switch (state) {
        case task_state::unstarted: return bit_unstarted;
        case task_state::running: return bit_running;
        case task_state::done: return bit_done;
        case task_state::incomplete: return bit_incomplete;
        case task_state::error: return bit_error;
        case task_state::failed: return bit_failed;
    }
    return 0;
}

}  // namespace

status_bits bits_of(task_situation situation, const task_status& status) {
    auto bits = situation == task_situation::running ? bit_running : bits_of_state(status.state);
    if (situation == task_situation::backoff) bits |= bit_in_backoff;
    if (situation == task_situation::filtered_out) bits |= bit_avoided;
    if (situation == task_situation::node_disabled) bits |= bit_disabled;
    if (situation == task_situation::backoff && status.state == task_state::incomplete) bits |= bit_not_advanced;
    if (status.synthetic) bits |= bit_overwriteable;
    return bits;
}

std::string bits_text(status_bits bits) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    constexpr status_bits low_six = 63;
    std::string text;
    do {
        text += digits[bits & low_six];
        bits >>= 6;
    } while (bits != 0);
    return text;
}

histogram histogram_of(const task_table& table, std::size_t samples) {
    histogram result;
    const auto& forest = table.nodes();
    const auto level = forest ? forest->find_level(table.spec().level) : std::nullopt;
    if (!level) return result;
    std::vector<status_bits> bits(forest->first_of(*level).value + forest->size_of(*level), 0);
    table.for_each_node([&](node_index node, const task_status& status, task_situation situation) {
        bits[node.value] = bits_of(situation, status);
    });
    for (std::size_t n = bits.size(); n-- > 0;)
        for (const auto parent : forest->parents(node_index{n})) bits[parent.value] |= bits[n];
    for (std::size_t n = 0; n < bits.size(); ++n) {
        const node_index node{n};
        auto& bin = result[forest->levels()[forest->level_of(node).value]][bits[n]];
        ++bin.count;
        if (bin.samples.size() < samples) bin.samples.emplace_back(forest->name(node));
    }
    return result;
}

}  // namespace bistro
