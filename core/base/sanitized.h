/* Was this built with the address sanitizer, which brings a malloc and terabytes of its own? */
#ifndef CSN_CORE_SANITIZED_H
#define CSN_CORE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
