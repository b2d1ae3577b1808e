// What the library hands out: structures of the C header with everything they point to, kept until release(); and errors, in the host's
// buffers.
#pragma once

#include <postern/x400_sdk.h>

#include "sdk/values.hpp"
#include "transport/native_trouble.hpp"

namespace postern::native {

/// Each keeps the value and gives the address of its structure, which is the host's until release().
[[nodiscard]] postern_x400_identity* hand_out(sdk::Identity value);
[[nodiscard]] postern_x400_health* hand_out(sdk::Health value);
[[nodiscard]] postern_x400_binding* hand_out(sdk::Binding value);
[[nodiscard]] postern_x400_submission_result* hand_out(sdk::Submitted value);
[[nodiscard]] postern_x400_entry_list* hand_out(sdk::EntryList value);
[[nodiscard]] postern_x400_summary* hand_out(const sdk::Summary& value);
[[nodiscard]] postern_x400_fetched* hand_out(sdk::Fetched value);
[[nodiscard]] postern_x400_event* hand_out(sdk::Event value);
/// Anything that was not handed out, or was given back before, is passed over. Any thread.
void release(const void* result);

/// Fills the host's structure as far as its buffers go, texts cut at the end of a character, and answers the status.
[[nodiscard]] postern_x400_status tell(postern_x400_error* error, const transport::Trouble& trouble) noexcept;
/// POSTERN_X400_OK, with nothing to say.
[[nodiscard]] postern_x400_status tell_success(postern_x400_error* error) noexcept;

}  // namespace postern::native
