// The two functions that libpostern_x400.so exports, and the table between the host and the native stack. No exception leaves it.
#include <algorithm>
#include <cstring>
#include <new>

#include "answers.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "library.hpp"
#include "sdk/library.hpp"

namespace postern::native {
namespace {

using transport::NativeStack;
using transport::Outcome;
using transport::Trouble;
using Status = postern_x400_status;

constexpr std::uint32_t kMostCalls = 64;
constexpr std::uint64_t kCapabilities = POSTERN_X400_CAN_P3 | POSTERN_X400_CAN_P7 | POSTERN_X400_CAN_PROBE | POSTERN_X400_CAN_CANCEL |
                                        POSTERN_X400_CAN_AUTO_ACTIONS | POSTERN_X400_CAN_DEFER;

/// By number (postern_x400_status).
constexpr const char* kWords[] = {"done",
                                  "the call is wrong; the field says where",
                                  "closed, or never given out",
                                  "not done by this library or this peer",
                                  "not enough memory",
                                  "the peer is not reached; try again later",
                                  "not in time",
                                  "cancelled",
                                  "wrong name, password or certificate",
                                  "the peer refuses",
                                  "no such entry",
                                  "over a limit",
                                  "the association ended; bind again",
                                  "the peer broke a protocol",
                                  "a fault of the library"};

const char* status_text(Status status) {
  return status >= 0 && static_cast<std::size_t>(status) < std::size(kWords) ? kWords[status] : "a status that this library does not have";
}

void give_back(void* result) { release(result); }

// ---- one frame for all calls
template <class F>
Status guarded(postern_x400_error* error, F call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return tell(error, {POSTERN_X400_NO_MEMORY, "not enough memory", {}, {}});
  } catch (const std::exception& fault) {
    try {
      return tell(error, {POSTERN_X400_INTERNAL, std::string("a fault of the library: ") + fault.what(), {}, {}});
    } catch (...) {
      return POSTERN_X400_INTERNAL;
    }
  }
}

Status unknown(postern_x400_error* error, const char* field) {
  return tell(error, {POSTERN_X400_UNKNOWN_HANDLE, "this handle is closed, or was never given out", field, {}});
}

template <class T>
Status answer(Outcome<T> outcome, auto** result, postern_x400_error* error) {
  if (!outcome) return tell(error, outcome.error());
  *result = hand_out(*std::move(outcome));
  return tell_success(error);
}
Status answer(const Outcome<sdk::Done>& outcome, postern_x400_error* error) {
  return outcome ? tell_success(error) : tell(error, outcome.error());
}

NativeStack::Call limit_of(const Arguments::Call& call) { return {io::deadline_in(call.timeout), call.id}; }

/// A call on an association: its library, its arguments, the stack. `read` takes the arguments, `ask` has the answer.
template <class Read, class Ask>
Status on_association(postern_x400_handle association, const postern_x400_call* call, postern_x400_error* error, Read read,
                      Ask ask) noexcept {
  return guarded(error, [&] {
    const auto library = libraries().of_association(association);
    if (!library) return unknown(error, "association");
    Arguments arguments;
    const Arguments::Call limit = arguments.call(call);
    auto request = read(arguments);
    if (arguments.fault()) return tell(error, *arguments.fault());
    return ask(library->stack(), std::move(request), limit_of(limit));
  });
}

// ---- the library
Status open(const postern_x400_call* call, const postern_x400_open_args* args, postern_x400_handle* library, postern_x400_error* error) {
  return guarded(error, [&] {
    if (library == nullptr) return tell(error, {POSTERN_X400_BAD_ARGUMENT, "is NULL", "library", {}});
    *library = 0;
    Arguments arguments;
    static_cast<void>(arguments.call(call));
    const Arguments::Opening opening = arguments.opening(args);
    if (arguments.fault()) return tell(error, *arguments.fault());
    auto opened = Library::open(opening);
    if (!opened) return tell(error, opened.error());
    *library = libraries().add(*std::move(opened));
    return tell_success(error);
  });
}

Status close(postern_x400_handle library, postern_x400_error* error) {
  return guarded(error, [&] {
    const auto taken = libraries().take(library);
    if (!taken) return unknown(error, "library");
    taken->stack().close();
    return tell_success(error);
  });
}

Status identify(postern_x400_handle library, postern_x400_identity** result, postern_x400_error* error) {
  *result = nullptr;
  return guarded(error, [&] {
    if (!libraries().find(library)) return unknown(error, "library");
    *result = hand_out(transport::native_identity());
    return tell_success(error);
  });
}

Status health(postern_x400_handle library, postern_x400_health** result, postern_x400_error* error) {
  *result = nullptr;
  return guarded(error, [&] {
    const auto found = libraries().find(library);
    if (!found) return unknown(error, "library");
    *result = hand_out(found->stack().health());
    return tell_success(error);
  });
}

Status cancel(postern_x400_handle library, std::uint64_t call_id) {
  return guarded(nullptr, [&]() -> Status {
    const auto found = libraries().find(library);
    if (!found) return POSTERN_X400_UNKNOWN_HANDLE;
    found->stack().cancel(call_id);
    return POSTERN_X400_OK;
  });
}

// ---- binding
Status bind(postern_x400_handle library, const postern_x400_call* call, const postern_x400_bind_args* args, postern_x400_binding** result,
            postern_x400_error* error) {
  *result = nullptr;
  return guarded(error, [&] {
    const auto found = libraries().find(library);
    if (!found) return unknown(error, "library");
    Arguments arguments;
    const Arguments::Call limit = arguments.call(call);
    sdk::Bind request = arguments.bind(args);
    if (arguments.fault()) {
      wipe(request.password);
      return tell(error, *arguments.fault());
    }
    const std::string who = request.name + " at " + request.peer;
    auto bound = found->stack().bind(std::move(request), limit_of(limit));
    if (bound)
      found->say(POSTERN_X400_LOG_INFO, "bound as " + who);
    else
      found->say(POSTERN_X400_LOG_WARN, "not bound as " + who + ": " + bound.error().text);
    return answer(std::move(bound), result, error);
  });
}

Status unbind(postern_x400_handle association, const postern_x400_call* call, postern_x400_error* error) {
  return on_association(
      association, call, error, [](Arguments&) { return sdk::Done(); },
      [&](NativeStack& stack, sdk::Done, const NativeStack::Call& limit) { return answer(stack.unbind(association, limit), error); });
}

// ---- submission
struct Submitting {
  sdk::Submission envelope;
  ByteView content;
};
Submitting submitting(Arguments& arguments, const postern_x400_submission* args) {
  Submitting out;
  out.envelope = arguments.submission(args, out.content);
  return out;
}

Status submit(postern_x400_handle association, const postern_x400_call* call, const postern_x400_submission* args,
              postern_x400_submission_result** result, postern_x400_error* error) {
  *result = nullptr;
  return on_association(
      association, call, error, [&](Arguments& arguments) { return submitting(arguments, args); },
      [&](NativeStack& stack, const Submitting& what, const NativeStack::Call& limit) {
        return answer(stack.submit(association, what.envelope, what.content, limit), result, error);
      });
}

Status probe(postern_x400_handle association, const postern_x400_call* call, const postern_x400_submission* args,
             postern_x400_submission_result** result, postern_x400_error* error) {
  *result = nullptr;
  return on_association(
      association, call, error, [&](Arguments& arguments) { return submitting(arguments, args); },
      [&](NativeStack& stack, const Submitting& what, const NativeStack::Call& limit) {
        return answer(stack.probe(association, what.envelope, limit), result, error);
      });
}

// ---- the message store
Status list(postern_x400_handle association, const postern_x400_call* call, const postern_x400_list_args* args,
            postern_x400_entry_list** result, postern_x400_error* error) {
  *result = nullptr;
  return on_association(
      association, call, error, [&](Arguments& arguments) { return arguments.list(association, args); },
      [&](NativeStack& stack, const sdk::List& request, const NativeStack::Call& limit) {
        return answer(stack.list(request, limit), result, error);
      });
}

Status summarize(postern_x400_handle association, const postern_x400_call* call, const postern_x400_filter* filter,
                 postern_x400_summary** result, postern_x400_error* error) {
  *result = nullptr;
  return on_association(
      association, call, error, [&](Arguments& arguments) { return sdk::Summarize{{1, association}, arguments.filter(filter)}; },
      [&](NativeStack& stack, const sdk::Summarize& request, const NativeStack::Call& limit) {
        return answer(stack.summarize(request, limit), result, error);
      });
}

Status fetch(postern_x400_handle association, const postern_x400_call* call, const postern_x400_fetch_args* args,
             postern_x400_fetched** result, postern_x400_error* error) {
  *result = nullptr;
  return on_association(
      association, call, error, [&](Arguments& arguments) { return arguments.fetch(association, args); },
      [&](NativeStack& stack, const Arguments::Fetching& what, const NativeStack::Call& limit) {
        const sdk::PieceSink sink = [&what](ByteView piece) { return what.on_content(what.content_data, piece.data(), piece.size()) == 0; };
        return answer(stack.fetch(what.request, sink, limit), result, error);
      });
}

Status delete_entries(postern_x400_handle association, const postern_x400_call* call, const std::uint64_t* sequences, std::size_t count,
                      postern_x400_error* error) {
  return on_association(
      association, call, error, [&](Arguments& arguments) { return arguments.deletion(association, sequences, count); },
      [&](NativeStack& stack, const sdk::Delete& request, const NativeStack::Call& limit) {
        return answer(stack.remove(request, limit), error);
      });
}

Status register_ms(postern_x400_handle association, const postern_x400_call* call, const postern_x400_register_args* args,
                   postern_x400_error* error) {
  return on_association(
      association, call, error, [&](Arguments& arguments) { return arguments.registration(association, args); },
      [&](NativeStack& stack, sdk::Register&& request, const NativeStack::Call& limit) {
        return answer(stack.register_user(std::move(request), limit), error);
      });
}

Status poll(postern_x400_handle association, const postern_x400_call* call, postern_x400_event** result, postern_x400_error* error) {
  *result = nullptr;
  return on_association(
      association, call, error, [](Arguments&) { return sdk::Done(); },
      [&](NativeStack& stack, sdk::Done, const NativeStack::Call& limit) { return answer(stack.poll(association, limit), result, error); });
}

constexpr postern_x400_sdk kTable = {sizeof(postern_x400_sdk),
                                     POSTERN_X400_SDK_VERSION,
                                     kCapabilities,
                                     kMostCalls,
                                     0,
                                     status_text,
                                     give_back,
                                     open,
                                     close,
                                     identify,
                                     health,
                                     cancel,
                                     bind,
                                     unbind,
                                     submit,
                                     probe,
                                     list,
                                     summarize,
                                     fetch,
                                     delete_entries,
                                     register_ms,
                                     poll};

}  // namespace
}  // namespace postern::native

extern "C" {

POSTERN_X400_EXPORT uint32_t postern_x400_sdk_version(void) { return POSTERN_X400_SDK_VERSION; }

POSTERN_X400_EXPORT postern_x400_status postern_x400_sdk_entry(uint32_t version, postern_x400_sdk* table) {
  if (postern::sdk::major_of(version) != postern::sdk::major_of(POSTERN_X400_SDK_VERSION)) return POSTERN_X400_UNSUPPORTED;
  // Faults of its own only, and those to standard error, which Postern reads: the library speaks through open_args.log.
  postern::log::configure(postern::log::Level::Error, postern::log::Format::Text);
  const std::uint32_t size = std::min<std::uint32_t>(table->struct_size, sizeof postern::native::kTable);
  std::memcpy(table, &postern::native::kTable, size);
  table->struct_size = size;
  return POSTERN_X400_OK;
}
}
