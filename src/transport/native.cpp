#include "transport/native.hpp"

#include "transport/native_stack.hpp"

namespace postern::transport {
namespace {

template <class T>
Result<T> result_of(Outcome<T> outcome, const CallOptions& options) {
  if (!outcome) return fail(error_of(outcome.error(), options.diagnostics));
  return *std::move(outcome);
}
Status status_of(const Outcome<sdk::Done>& outcome, const CallOptions& options) {
  if (!outcome) return fail(error_of(outcome.error(), options.diagnostics));
  return {};
}

class NativeTransport final : public Transport {
 public:
  explicit NativeTransport(std::unique_ptr<NativeStack> stack) : m_stack(std::move(stack)) {}

  Result<sdk::Identity> identify(const CallOptions&) override { return native_identity(); }
  Result<sdk::Health> health(const CallOptions&) override { return m_stack->health(); }
  Result<sdk::Binding> bind(const sdk::Bind& request, const CallOptions& options) override {
    return result_of(m_stack->bind(request, limit(options, m_stack->options().connect_timeout)), options);
  }
  Status unbind(const sdk::Unbind& request, const CallOptions& options) override {
    return status_of(m_stack->unbind(request.association.handle, limit(options)), options);
  }
  Result<sdk::Submitted> submit(const sdk::Submit& request, ByteView content, const CallOptions& options) override {
    return result_of(m_stack->submit(request.association.handle, request.submission, content, limit(options)), options);
  }
  Result<sdk::Submitted> probe(const sdk::Probe& request, const CallOptions& options) override {
    return result_of(m_stack->probe(request.association.handle, request.submission, limit(options)), options);
  }
  Status cancel_deferred(const CancelDeferred& request, const CallOptions& options) override {
    return status_of(m_stack->cancel_deferred(request.association.handle, request.mts_identifier, limit(options)), options);
  }
  Result<sdk::EntryList> list(const sdk::List& request, const CallOptions& options) override {
    return result_of(m_stack->list(request, limit(options)), options);
  }
  Result<sdk::Summary> summarize(const sdk::Summarize& request, const CallOptions& options) override {
    return result_of(m_stack->summarize(request, limit(options)), options);
  }
  Result<sdk::Fetched> fetch(const sdk::Fetch& request, const sdk::PieceSink& sink, const CallOptions& options) override {
    return result_of(m_stack->fetch(request, sink, limit(options)), options);
  }
  Status remove(const sdk::Delete& request, const CallOptions& options) override {
    return status_of(m_stack->remove(request, limit(options)), options);
  }
  Status register_user(const sdk::Register& request, const CallOptions& options) override {
    return status_of(m_stack->register_user(request, limit(options)), options);
  }
  Result<sdk::Event> poll(const sdk::Poll& request, const CallOptions& options) override {
    return result_of(m_stack->poll(request.association.handle, limit(options)), options);
  }

 private:
  NativeStack::Call limit(const CallOptions& options, std::chrono::milliseconds usual) const {
    return {io::deadline_in(options.timeout.value_or(usual)), 0};
  }
  NativeStack::Call limit(const CallOptions& options) const { return limit(options, m_stack->options().operation_timeout); }

  std::unique_ptr<NativeStack> m_stack;
};

}  // namespace

sdk::Identity native_identity() {
  return {"Postern", "Native X.400 stack", POSTERN_VERSION, "P3 and P7 (X.411, X.413, X.419) over RFC 1006"};
}

Result<std::unique_ptr<Transport>> make_native(NativeOptions options) {
  POSTERN_TRY(auto stack, NativeStack::open(std::move(options)));
  return std::unique_ptr<Transport>(std::make_unique<NativeTransport>(std::move(stack)));
}

}  // namespace postern::transport
