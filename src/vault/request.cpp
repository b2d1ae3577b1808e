#include "vault/request.hpp"

#include <new>

#include "base/secret.hpp"

namespace postern::vault {

std::string_view name_of(Operation operation) noexcept {
  switch (operation) {
    case Operation::Create: return "create";
    case Operation::Read: return "read";
    case Operation::Update: return "update";
    case Operation::Patch: return "patch";
    case Operation::Delete: return "delete";
    case Operation::List: return "list";
    case Operation::Scan: return "scan";
    case Operation::Help: return "help";
  }
  return "read";
}

void* WipingResource::do_allocate(std::size_t bytes, std::size_t align) { return ::operator new(bytes, std::align_val_t(align)); }

void WipingResource::do_deallocate(void* memory, std::size_t bytes, std::size_t align) {
  wipe(ByteSpan(static_cast<Byte*>(memory), bytes));
  ::operator delete(memory, bytes, std::align_val_t(align));
}

}  // namespace postern::vault
