"""Where root keys live and die: files, a credential of the machine, a PKCS#11 token, a TPM. One interface: `store.RootStore`."""
