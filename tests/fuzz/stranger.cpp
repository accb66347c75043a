// What is read of a stranger's message before CAF sees it.
#include "actors/protocol/stranger.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace bistro {

FUZZ(text) {
    const auto message = read_stranger_message(text);
    if (!message) return;
    must(message->type.starts_with("bistro::"), "a type of this project");
    must(!message->secret || message->secret->size() <= text.size(), "of the text");
}

}  // namespace bistro
