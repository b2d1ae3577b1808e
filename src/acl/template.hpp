// {{identity...}} in paths. For this room only.
#pragma once

#include "acl/acl.hpp"

namespace postern::acl {

/// Whether the path has templates. BadInput (a plain sentence) for one that does not end, or asks for what is not there to be asked for.
[[nodiscard]] Result<bool> check_templates(std::string_view path);

/// The path with every template filled in, in one pass: what a value brings is never a template itself. Nothing when a value is missing,
/// empty, or could match more than itself.
[[nodiscard]] std::optional<std::string> fill_templates(std::string_view path, const TemplateFacts& facts);

}  // namespace postern::acl
