/* Makes a test controller derive Kerberos keys with GnuTLS: the same keys, some ten times faster.
 *
 * Samba derives AES keys (RFC 3962) with PBKDF2 in portable C, which is nearly all of what a
 * reset costs there. Preloaded, this library stands in for that one function. For comparisons of
 * speed only: a controller that correctness is shown on does not have it.
 *
 * Nothing is included: the host that compiles it need not have any library's headers, and what it
 * calls is in the programs that it is loaded into.
 */

typedef __SIZE_TYPE__ size_t;

/* gnutls_mac_algorithm_t and gnutls_datum_t, as GnuTLS has had them since 3.6. */
enum { MAC_SHA1 = 3 };
struct datum {
	unsigned char *data;
	unsigned int size;
};
typedef int (*derive)(int mac, const struct datum *key, const struct datum *salt,
		      unsigned int iterations, void *output, size_t length);

extern void *dlopen(const char *file, int mode);
extern void *dlsym(void *handle, const char *name);
extern void abort(void);

enum { LOAD_NOW = 2 };

static derive gnutls(void)
{
	static derive found;

	if (found == 0) {
		void *library = dlopen("libgnutls.so.30", LOAD_NOW);

		found = library ? (derive)dlsym(library, "gnutls_pbkdf2") : 0;
		/* Going on slowly would make a comparison of speed a lie. */
		if (found == 0)
			abort();
	}
	return found;
}

/* The name and the arguments of Heimdal's function; 1 is success. Samba calls it with SHA-1 only
 * (RFC 3962 section 4), so the digest is not looked at. */
int hc_PKCS5_PBKDF2_HMAC(const void *password, size_t password_length, const void *salt,
			 size_t salt_length, unsigned long iterations, const void *digest,
			 size_t key_length, void *key)
{
	struct datum secret = { (unsigned char *)password, (unsigned int)password_length };
	struct datum grain = { (unsigned char *)salt, (unsigned int)salt_length };

	(void)digest;
	return gnutls()(MAC_SHA1, &secret, &grain, (unsigned int)iterations, key, key_length) == 0;
}
